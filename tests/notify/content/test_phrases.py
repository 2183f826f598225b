"""Times, days, durations, numbers and phones as people say them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notify.content.compose import catalogue
from notify.content.phrases import Moment, phone_number
from notify.core.city_time import on_clock

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2027, 1, 11, 17, tzinfo=UTC)  # noon of a Monday in New York
SPEECH = {name: words.speech for name, words in catalogue().events[0].common.items()}


@pytest.mark.parametrize(
    ("at", "english", "spanish"),
    [
        ("2027-01-12T18:00", "6 PM Tuesday", "las 6 p.m. del martes"),
        ("2027-01-12T13:05", "1:05 PM Tuesday", "la 1:05 p.m. del martes"),
        ("2027-01-12T12:00", "12 noon Tuesday", "las 12 del mediodía del martes"),
        ("2027-01-12T12:30", "12:30 PM Tuesday", "las 12:30 p.m. del martes"),
        ("2027-01-13T00:00", "12 AM Wednesday", "las 12 a.m. del miércoles"),
        ("2027-01-17T09:00", "9 AM Sunday", "las 9 a.m. del domingo"),
        # A week later the weekday would mean this one.
        ("2027-01-18T09:00", "9 AM Monday, January 18", "las 9 a.m. del lunes 18 de enero"),
        ("2027-01-10T09:00", "9 AM Sunday, January 10", "las 9 a.m. del domingo 10 de enero"),
    ],
)
def test_times_in_words(at: str, english: str, spanish: str) -> None:
    local = on_clock(datetime.fromisoformat(at), NEW_YORK)
    assert str(Moment(SPEECH["en"], local, NOW)) == english
    assert str(Moment(SPEECH["es"], local, NOW)) == spanish


def test_without_a_now_the_date_is_always_said() -> None:
    local = on_clock(datetime(2027, 7, 4, 1, tzinfo=UTC), NEW_YORK)
    assert str(Moment(SPEECH["en"], local, None)) == "9 PM Saturday, July 3"


def test_today_is_the_day_of_the_city_and_not_of_utc() -> None:
    late = datetime(2027, 1, 12, 3, tzinfo=UTC)  # still Monday in New York
    in_a_week = on_clock(datetime.fromisoformat("2027-01-18T08:00"), NEW_YORK)
    assert str(Moment(SPEECH["en"], in_a_week, late)).endswith("January 18")


def test_times_follow_the_clocks_through_summer_time() -> None:
    assert on_clock(datetime(2027, 7, 1, 12, tzinfo=UTC), NEW_YORK).hour == 8
    assert on_clock(datetime(2027, 1, 1, 12, tzinfo=UTC), NEW_YORK).hour == 7
    with pytest.raises(ValueError, match="does not exist"):
        on_clock(datetime.fromisoformat("2027-03-14T02:30"), NEW_YORK)
    # Which of the two is meant decides when an alert launches or ends, so it is asked.
    with pytest.raises(ValueError, match=r"2027-11-07T01:30-04:00 or 2027-11-07T01:30-05:00"):
        on_clock(datetime.fromisoformat("2027-11-07T01:30"), NEW_YORK)
    for offset in ("-04:00", "-05:00"):
        assert on_clock(datetime.fromisoformat(f"2027-11-07T01:30{offset}"), NEW_YORK).hour == 1


@pytest.mark.parametrize(
    ("length", "english", "spanish"),
    [
        (timedelta(hours=1), "1 hour", "1 hora"),
        (timedelta(minutes=90), "1 hour and 30 minutes", "1 hora y 30 minutos"),
        (timedelta(days=2), "2 days", "2 días"),
        (timedelta(minutes=1), "1 minute", "1 minuto"),
    ],
)
def test_durations_in_words(length: timedelta, english: str, spanish: str) -> None:
    assert (SPEECH["en"].duration(length), SPEECH["es"].duration(length)) == (english, spanish)


def test_days_and_numbers_in_words() -> None:
    assert SPEECH["en"].day_name(date(2027, 1, 1)) == "Friday, January 1"
    assert SPEECH["es"].day_name(date(2027, 1, 1)) == "viernes 1 de enero"
    assert SPEECH["en"].number(1234567) == "1,234,567"


@pytest.mark.parametrize(
    ("number", "said"), [("+12155550123", "215-555-0123"), ("311", "311"), ("+442079460000", "+44 20 7946 0000")]
)
def test_phones_as_people_dial_them(number: str, said: str) -> None:
    assert phone_number(number) == said
