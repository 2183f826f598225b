"""The published calendar of a place: its zones, its house, its edition, and the words for it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from shapely.geometry import box
from sqlalchemy.exc import DBAPIError

from notify.core import translation
from notify.core.db import transaction
from notify.models import Zone
from notify.service311 import calendars, rule_store
from notify.service311.calendars import Calendar, Edition
from notify.service311.outputs import print_view, words
from notify.service311.rules import Rule
from tests import factories
from tests.database import sql
from tests.notify.service311.days import NORTH, NOW, SOUTH, THANKSGIVING, publish, settle, suspend, take
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")


def at(point: tuple[float, float] = NORTH) -> Calendar:
    with transaction() as s:
        found = calendars.of_place(s, *point, NOW)
    assert found is not None
    return found


def week(calendar: Calendar, monday: date) -> list[tuple[str, str, str]]:
    """Stream, date and state of a week."""
    return [
        (one.stream, f"{calendars.shown_on(one):%a %d}", one.state.value)
        for one in calendar.collections
        if monday <= calendars.shown_on(one) < monday + timedelta(days=7)
    ]


def test_a_place_has_the_days_of_its_zone_with_what_a_holiday_does() -> None:
    settle()
    calendar = at()
    assert calendar.edition.number == 1
    assert [name for _, name in calendar.zones] == ["North"]
    assert week(calendar, date(2026, 11, 23)) == [
        ("trash", "Mon 23", "ON_SCHEDULE"), ("recycling", "Fri 27", "DELAYED"), ("trash", "Fri 27", "DELAYED"),
    ]  # fmt: skip
    assert [day for _, day, _ in week(calendar, date(2026, 11, 30))] == ["Mon 30", "Thu 03"], "the slide ends"
    assert week(at(SOUTH), date(2026, 11, 23)) == [("trash", "Tue 24", "ON_SCHEDULE")]
    assert at((9, 9)).collections == ()


def test_it_ends_with_the_year_for_which_holidays_are_listed() -> None:
    settle(holidays=[THANKSGIVING])
    calendar = at()
    assert calendar.edition.until == date(2026, 12, 31)
    assert calendars.shown_on(calendar.collections[-1]) == date(2026, 12, 31)
    assert words.until(calendar.edition.until).startswith("It has the days until December 31, 2026;")
    with transaction() as s:
        rule_store.add_holiday(s, "Thanksgiving Day", [date(2027, 11, 25)], "city code 12", NOW)
        publish(s, "the next year")
    assert calendars.shown_on(at().collections[-1]) > date(2027, 11, 11)


def test_what_is_not_published_is_not_seen_and_an_old_edition_can_be_read() -> None:
    zone = settle()["North"]
    with transaction() as s:
        take(s, {"zone": "North", "stream": "trash", "weekdays": "Wed"})
        for row in rule_store.standing(s):
            rule_store.remove(s, row.id, NOW)
    assert at().edition.number == 1
    assert ("trash", "Fri 27", "DELAYED") in week(at(), date(2026, 11, 23))
    with transaction() as s:
        publish(s, "Wednesday")
        assert rule_store.of_edition(s, 1).holidays[0].day == THANKSGIVING
        assert rule_store.of_edition(s, 2) == rule_store.Rules()
    assert [day for stream, day, _ in week(at(), date(2026, 11, 23)) if stream == "trash"] == ["Wed 25"]
    assert at().zones == ((zone, "North"),)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM collection_schedules",
        "UPDATE collection_schedules SET from_edition = NULL",
        "DELETE FROM collection_rules",
        "UPDATE collection_editions SET note = 'x'",
        "UPDATE collection_schedules SET weekdays = '{3}'",
    ],
)
def test_what_was_published_stays(change: str) -> None:
    settle()
    with pytest.raises(DBAPIError):
        sql(change)


def test_what_was_published_cannot_be_changed_even_by_the_owner_of_the_tables() -> None:
    settle()
    for change in ("collection_schedules SET weekdays = '{3}'", "collection_rules SET reason = 'x'"):
        with pytest.raises(DBAPIError, match="what was published stays"):
            as_owner(f"UPDATE {change}")
    as_owner("UPDATE collection_rules SET leaving = true")


def test_a_suspension_names_who_decided_it_and_the_next_day() -> None:
    suspend(settle()["North"], [date(2026, 11, 30)], NOW)
    (off,) = [one for one in at().collections if one.nominal == date(2026, 11, 30)]
    assert (off.state.value, off.why.author, off.effective) == ("SUSPENDED", "A. Perez", None)
    assert words.why(off) == "Reason: a snow storm. The next one is on Thursday, December 3."
    with translation.speaking("es"):
        assert words.heading(off) == "No se recoge: basura"
    assert ("trash", "Tue 01", "ON_SCHEDULE") in week(at(SOUTH), date(2026, 11, 30)), "another zone"


def test_the_words_of_a_moved_day() -> None:
    settle()
    moved = next(one for one in at().collections if one.nominal == THANKSGIVING and one.stream == "trash")
    assert words.why(moved) == "Instead of Thursday, November 26, because of Thanksgiving Day."
    assert words.set_out(moved) == "Set out on Thursday, November 26, from 6:00 PM on."
    with translation.speaking("es"):
        assert words.why(moved) == "En lugar del jueves 26 de noviembre, por el Día de Acción de Gracias."
        assert words.set_out(moved) == "Sáquelo el jueves 26 de noviembre, a partir de las 6:00 pm."
    later = replace(moved, nominal=date(2026, 12, 31), effective=date(2027, 1, 2))
    assert words.why(later) == "Instead of Thursday, December 31, 2026, because of Thanksgiving Day."
    assert words.day(later.nominal, later.nominal) == "Thursday, December 31"
    own = next(one for one in at().collections if one.stream == "recycling" and one.state == "ON_SCHEDULE")
    assert words.set_out(own) == "Set out by 6:00 AM that day."
    assert words.why(own) == ""


def test_a_house_with_days_of_its_own_keeps_them_and_what_its_zone_suspends(database: str) -> None:
    zone = settle()["North"]
    house = """INSERT INTO collection_schedules (address, lon, lat, stream, weekdays, every_weeks, set_out_before,
                   set_out_at, source, from_edition, made_at)
               VALUES ('1 Elm St', 0.5, 0.5, 'trash', '{1}', 1, 1, '18:00', 'own', 1, now())"""
    sql(house)
    calendar = at()
    assert calendar.address == "1 Elm St"
    assert [day for _, day, _ in week(calendar, date(2026, 11, 23))] == ["Tue 24", "Fri 27"]
    suspend(zone, [date(2026, 12, 1)], NOW)
    assert week(at(), date(2026, 11, 30)) == [("trash", "Tue 01", "SUSPENDED")]


def test_of_two_houses_at_one_point_the_confirmed_one_is_answered() -> None:
    settle()
    for address, day in (("120 Main St", 0), ("122 Main St", 4)):
        sql(f"""INSERT INTO collection_schedules (address, lon, lat, stream, weekdays, every_weeks, set_out_before,
                    set_out_at, source, from_edition, made_at)
                VALUES ('{address}', 0.5, 0.5, 'trash', '{{{day}}}', 1, 1, '18:00', 'own', 1, now())""")
    with transaction() as s:
        found = calendars.of_place(s, *NORTH, NOW, "122 Main St")
    assert found is not None
    assert [day for stream, day, _ in week(found, date(2026, 11, 16)) if stream == "trash"] == ["Fri 20"]
    assert at().unsure == ("trash",), "without a label nobody knows which"


def test_two_zones_that_say_different_days_give_no_date() -> None:
    """One with the same days is no doubt, and a zone for another stream adds its own."""
    settle()
    with transaction() as s:
        for name, stream, day in (("Old", "trash", "Fri"), ("Leaves", "yard", "Wed"), ("Paper", "recycling", "Thu")):
            factories.zone(s, name, box(0, 0, 1, 1), "collection", now=NOW)
            take(s, {"zone": name, "stream": stream, "weekdays": day,
                     **({"week": "B", "set_out": "6:00"} if stream == "recycling" else {})})  # fmt: skip
        publish(s)
    calendar = at()
    assert calendar.unsure == ("trash",)
    assert set(calendar.streams) == {"yard", "recycling"}


def test_a_rule_comes_back_from_the_database_as_it_was() -> None:
    settle()
    with transaction() as s:
        (rule,) = rule_store.of_edition(s, 1).rules
        assert isinstance(rule, Rule)
        assert rule.holidays == {"Thanksgiving Day"}
        assert s.get_one(Zone, 1).kind == "collection"


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "Edition 3, Monday, November 30, 2026."), ("es", "Edición 3, lunes 30 de noviembre de 2026.")],
)
def test_the_foot_on_paper_has_the_year_and_the_date_in_the_city(language: str, expected: str) -> None:
    """It hangs on a wall in another year; the evening in the city is the next day in UTC."""
    one = Calendar(Edition(3, datetime(2026, 12, 1, 3, tzinfo=UTC)), (), ())
    with translation.speaking(language):
        assert print_view.document(one, "North", date(2026, 12, 1))["edition"].startswith(expected)
