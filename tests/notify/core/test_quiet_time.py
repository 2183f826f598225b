"""Quiet hours on clocks that skip and repeat an hour, and that PostgreSQL works them out as we do."""

from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text

from notify.core import quiet_time
from notify.core.db import transaction
from notify.core.quiet_time import NEVER, QuietHours

NIGHT = QuietHours(time(21), time(8))
NEW_YORK = ZoneInfo("America/New_York")
# With a jump of half an hour, of two hours, at midnight, of a whole day; and without any.
ZONES = ("America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Antarctica/Troll", "America/Asuncion",
         "Pacific/Apia", "Asia/Kathmandu", "UTC")  # fmt: skip

minutes = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))
hours = st.builds(QuietHours, minutes, minutes)
moments = st.integers(0, 27 * 366 * 24 * 60).map(lambda n: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
zones = st.sampled_from(ZONES)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2027-01-12T20:59:59-05:00", None),
        ("2027-01-12T21:00:00-05:00", "2027-01-13T08:00:00-05:00"),
        ("2027-01-13T07:59:59-05:00", "2027-01-13T08:00:00-05:00"),
        ("2027-01-13T08:00:00-05:00", None),
        ("2027-03-13T23:00:00-05:00", "2027-03-14T08:00:00-04:00"),  # the night that is an hour shorter
        ("2027-11-06T23:00:00-04:00", "2027-11-07T08:00:00-05:00"),  # and the one that is longer
    ],
)
def test_a_night_ends_by_the_clock_on_the_wall(now: str, until: str | None) -> None:
    ends = quiet_time.until(datetime.fromisoformat(now), NIGHT, NEW_YORK)
    assert ends == (datetime.fromisoformat(until) if until else None)


@given(now=moments, quiet=hours, name=zones)
@example(datetime(2027, 11, 7, 5, 15, tzinfo=UTC), QuietHours(time(1), time(1, 30)), "America/New_York")
@example(datetime(2027, 3, 14, 6, 45, tzinfo=UTC), QuietHours(time(1), time(2, 30)), "America/New_York")
def test_quiet_time_ends_later_within_two_days_and_outside_of_it(now: datetime, quiet: QuietHours, name: str) -> None:
    zone = ZoneInfo(name)
    until = quiet_time.until(now, quiet, zone)
    assert (until is not None) == quiet.include(now.astimezone(zone).time())
    if until is not None:
        assert now < until < now + timedelta(days=2, hours=2)
        assert (
            not quiet.include(until.astimezone(zone).time())
            or until.astimezone(zone).utcoffset() != now.astimezone(zone).utcoffset()
        ), "only a clock that was changed over the end may show quiet time again"


@pytest.mark.usefixtures("database")
def test_postgresql_works_out_the_same() -> None:
    @given(st.lists(st.tuples(moments, hours, zones), min_size=20, max_size=60))
    def compared(asked: list[tuple[datetime, QuietHours, str]]) -> None:
        values = {
            "now": [now for now, _, _ in asked],
            "begin": [quiet.begin for _, quiet, _ in asked],
            "end": [quiet.end for _, quiet, _ in asked],
            "zone": [name for _, _, name in asked],
        }
        found = s.scalars(
            text("""SELECT quiet_until(x.now, x.begin, x.end, x.zone)
                      FROM unnest(CAST(:now AS timestamptz[]), CAST(:begin AS time[]), CAST(:end AS time[]),
                                  CAST(:zone AS text[])) WITH ORDINALITY AS x (now, begin, "end", zone, n)
                     ORDER BY n"""),
            values,
        ).all()
        assert found == [quiet_time.until(now, quiet, ZoneInfo(name)) for now, quiet, name in asked]

    with transaction() as s:
        compared()


@pytest.mark.parametrize(
    ("now", "digest", "at"),
    [
        ("2027-01-12T16:59:59-05:00", "daily", "2027-01-12T17:00:00-05:00"),
        ("2027-01-12T17:00:00-05:00", "daily", "2027-01-13T17:00:00-05:00"),
        ("2027-01-12T12:00:00-05:00", "weekly", "2027-01-18T17:00:00-05:00"),
        ("2027-01-18T16:00:00-05:00", "weekly", "2027-01-18T17:00:00-05:00"),
        ("2027-01-18T17:00:00-05:00", "weekly", "2027-01-25T17:00:00-05:00"),
        ("2027-03-13T18:00:00-05:00", "daily", "2027-03-14T17:00:00-04:00"),  # the clocks are set forward at night
        ("2027-11-06T18:00:00-04:00", "daily", "2027-11-07T17:00:00-05:00"),  # and back
    ],
)
def test_a_digest_is_at_five_by_the_clock_on_the_wall(now: str, digest: Literal["daily", "weekly"], at: str) -> None:
    assert quiet_time.digest_at(datetime.fromisoformat(now), digest, NEW_YORK) == datetime.fromisoformat(at)


@pytest.mark.usefixtures("database")
def test_postgresql_works_out_the_same_digests_and_they_are_ahead() -> None:
    @given(st.lists(st.tuples(moments, st.sampled_from(["daily", "weekly"]), zones), min_size=20, max_size=60))
    def compared(asked: list[tuple[datetime, Literal["daily", "weekly"], str]]) -> None:
        nows, kinds, names = (list(column) for column in zip(*asked, strict=True))
        found = s.scalars(
            text("""SELECT digest_at(x.now, x.digest, x.zone)
                      FROM unnest(CAST(:now AS timestamptz[]), CAST(:digest AS text[]), CAST(:zone AS text[]))
                           WITH ORDINALITY AS x (now, digest, zone, n) ORDER BY n"""),
            {"now": nows, "digest": kinds, "zone": names},
        ).all()
        assert found == [quiet_time.digest_at(now, kind, ZoneInfo(name)) for now, kind, name in asked]
        for now, (_, kind, _name), at in zip(nows, asked, found, strict=True):
            assert now < at <= now + timedelta(days=1 if kind == "daily" else 7, hours=25)

    with transaction() as s:
        compared()


@pytest.mark.parametrize("written", ["21:00", "9pm-8am", "24:00-08:00", "21:60-08:00", ""])
def test_what_is_no_time_of_day_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="21:00-08:00"):
        quiet_time.read(written)


def test_quiet_hours_are_read_and_may_be_off() -> None:
    assert quiet_time.read("21:00-8:00") == NIGHT
    assert quiet_time.read("OFF") == NEVER
    assert not NEVER.include(time(0))
