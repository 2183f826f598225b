"""What an operator writes for a time, on the clocks of New York."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notify.core import city_time

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("words", "instant"),
    [
        ("2027-01-12T18:00", datetime(2027, 1, 12, 23, tzinfo=UTC)),
        ("2027-07-12T18:00", datetime(2027, 7, 12, 22, tzinfo=UTC)),
        ("2027-01-12T18:00Z", datetime(2027, 1, 12, 18, tzinfo=UTC)),
        ("2027-03-14T01:59", datetime(2027, 3, 14, 6, 59, tzinfo=UTC)),
        ("2027-03-14T03:00", datetime(2027, 3, 14, 7, 0, tzinfo=UTC)),
        ("2027-11-07T00:59", datetime(2027, 11, 7, 4, 59, tzinfo=UTC)),
        ("2027-11-07T02:00", datetime(2027, 11, 7, 7, 0, tzinfo=UTC)),
        ("2027-11-07T01:30-04:00", datetime(2027, 11, 7, 5, 30, tzinfo=UTC)),
        ("2027-11-07T01:30-05:00", datetime(2027, 11, 7, 6, 30, tzinfo=UTC)),
    ],
)
def test_times_on_the_citys_clocks(words: str, instant: datetime) -> None:
    assert city_time.moment(words, NEW_YORK) == instant


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("tomorow", "not a valid time"),
        ("2027-03-14T02:00", "does not exist"),
        ("2027-03-14T02:30", "does not exist"),
        ("2027-03-14T02:59:59", "does not exist"),
        ("2027-11-07T01:00", "comes twice"),
        ("2027-11-07T01:30", "2027-11-07T01:30-04:00 or 2027-11-07T01:30-05:00"),
        ("9999-12-31T23:59:59-12:00", "beyond the calendar"),
        ("0001-01-01T00:00:00+12:00", "beyond the calendar"),
    ],
)
def test_times_that_cannot_be_meant(words: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        city_time.moment(words, NEW_YORK)


@pytest.mark.parametrize("words", ["9999-12-31T23:59-12:00", "0001-01-01T00:00+00:00", "9999-12-31T23:59"])
def test_a_time_at_the_end_of_the_calendar_is_a_value_error(words: str) -> None:
    with pytest.raises(ValueError, match="beyond the calendar"):
        city_time.on_clock(datetime.fromisoformat(words), NEW_YORK)


def test_lengths_of_time() -> None:
    assert city_time.span("90m") == timedelta(minutes=90)
    assert city_time.span("2d") == timedelta(days=2)
    assert city_time.span("2027-01-12T18:00") is None
    for words in ("4 hours", "4h", "4 hrs.", "4 HORAS", " 4 hora "):
        assert city_time.span(words) == timedelta(hours=4), words
    for words in ("30 min", "30 minutes", "30 minutos"):
        assert city_time.span(words) == timedelta(minutes=30), words
    for words in ("4", "hours", "4 months", "4 hourglasses", "4 days 2"):
        assert city_time.span(words) is None, words
    assert city_time.short_units("1 día, 12 horas") == "1d12h"


@pytest.mark.parametrize(
    ("off", "told"),
    [
        (timedelta(seconds=1), "in 1 second"),
        (timedelta(seconds=89), "in 89 seconds"),
        (timedelta(minutes=2), "in 2 minutes"),
        (timedelta(hours=12, minutes=59), "in 13 hours"),
        (timedelta(hours=37), "in 2 days"),
        (timedelta(days=365), "in 365 days"),
        (-timedelta(minutes=5), "5 minutes ago"),
    ],
)
def test_how_far_off_a_time_is(off: timedelta, told: str) -> None:
    now = datetime(2027, 1, 12, 23, tzinfo=UTC)
    assert city_time.apart(now + off, now) == told
