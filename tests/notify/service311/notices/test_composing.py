"""The words of a notice fit into its blanks, whichever zones somebody has places in."""

from datetime import date
from itertools import combinations

import pytest

from notify.content.compose import catalogue
from notify.service311.notices import parts, publishing
from notify.service311.notices.composing import Notice
from notify.service311.rules import Effect, Rule
from notify.service311.streams import STREAMS
from tests.notify.service311.notices.test_parts import HOLIDAY, NAMES, calendars
from tests.notify.service311.weeks import on

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")
WEEK = [on(day, zone=str(n), stream=stream) for n, day in enumerate(DAYS, 1) for stream in STREAMS]
ZONES = {n: f"Collection zone of the north-western hills, {day}" for n, day in enumerate(DAYS, 1)}


def notice(effect: Effect) -> Notice:
    found = parts.of_holiday(calendars(WEEK, [Rule(NAMES, effect)]), HOLIDAY.name, HOLIDAY.day)
    return Notice(HOLIDAY.name, tuple(found), ZONES, ("en", "es"))


@pytest.mark.parametrize("effect", [Effect.SLIDE, Effect.HOLIDAY_ONLY, Effect.SUSPEND, Effect.ANNOUNCE])
def test_words_fit_for_any_zones(effect: Effect) -> None:
    told = notice(effect)
    blanks = {blank.name: blank for blank in catalogue().event(publishing.EVENT).blanks("issue")}
    numbers = range(1, len(told.parts) + 1)
    asked = [some for size in numbers for some in combinations(numbers, size)]
    for given in [told.general(), *(told.of(some) for some in asked)]:
        for name, said in given.items():
            assert blanks[name.split(".")[0]].read(said)


def test_the_headline_says_between_which_days_and_what_is_called_off() -> None:
    assert notice(Effect.SLIDE).general()["brief"] == (
        "Collection days between Thursday, Nov 26 and Saturday, Nov 28 change."
    )
    assert notice(Effect.ANNOUNCE).general()["brief"] == "No collection on Thursday, Nov 26."
    assert notice(Effect.ANNOUNCE).first_day == date(2026, 11, 26)


@pytest.mark.parametrize(
    ("several", "expected"),
    [
        ((1,), "Your trash, recycling, yard waste, bulky items, and "),
        ((1, 2), "Collection days between Thursday, Nov 26 and Saturday, Nov 28 change."),
    ],
)
def test_a_subject_names_all_that_changes_for_its_reader(several: tuple[int, ...], expected: str) -> None:
    """Not the change of the first of their zones alone."""
    assert notice(Effect.SLIDE).of(several)["brief"].startswith(expected)


def test_a_subject_names_two_zones_where_there_is_room() -> None:
    schedules = [on("Thu", zone="1"), on("Fri", zone="2")]
    both = parts.of_holiday(calendars(schedules, [Rule(NAMES, Effect.SLIDE)]), HOLIDAY.name, HOLIDAY.day)
    told = Notice(HOLIDAY.name, tuple(both), {1: "A", 2: "B"}, ("en",))
    assert told.of((1, 2))["brief"] == (
        "A: Your trash of Thursday, Nov 26 moves to Friday, Nov 27. "
        "B: Your trash of Friday, Nov 27 moves to Saturday, Nov 28."
    )


def test_zones_are_named_in_the_order_of_the_week() -> None:
    schedules = [on("Thu", zone=zone) for zone in ("1", "2")]
    (one,) = parts.of_holiday(calendars(schedules, [Rule(NAMES, Effect.SLIDE)]), HOLIDAY.name, HOLIDAY.day)
    told = Notice(HOLIDAY.name, (one,), {1: "Friday", 2: "Monday"}, ("en",))
    assert told.called(one) == "Monday and Friday"
