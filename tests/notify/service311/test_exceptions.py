"""What staff change by hand, and what is said in vain."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from notify.service311.holiday_rules import calendar
from notify.service311.outputs import words
from notify.service311.rule_checks import hidden, in_vain, known_until, unknown_holidays
from notify.service311.rules import Cause, DayException, Effect, Holiday, Rule, State
from tests.notify.service311.weeks import DAY_AFTER, NAMES, SLIDE, THANKSGIVING, on


def test_an_exception_wins_and_carries_author_and_reason() -> None:
    day = THANKSGIVING.day
    for exception, state, effective in (
        (DayException(day, "Ana", "snow", moved_to=date(2026, 11, 28)), State.DELAYED, date(2026, 11, 28)),
        (DayException(day, "Ana", "snow", moved_to=date(2026, 11, 24)), State.MOVED_EARLIER, date(2026, 11, 24)),
        (DayException(day, "Ana", "a crew works", moved_to=day), State.ON_SCHEDULE, day),
        (DayException(day, "Ana", "snow", zone="1", stream="trash", state=State.SUSPENDED), State.SUSPENDED, None),
        (DayException(day, "Ana", "snow", state=State.TO_BE_ANNOUNCED), State.TO_BE_ANNOUNCED, None),
    ):
        (found,) = calendar([on("Thu")], [THANKSGIVING], [SLIDE], [exception], day, day)
        assert (found.state, found.effective) == (state, effective)
        assert (found.why.cause, found.why.author, found.why.reason) == (Cause.BY_HAND, "Ana", exception.reason)
    elsewhere = DayException(day, "Ana", "snow", zone="2", state=State.SUSPENDED)
    (found,) = calendar([on("Thu")], [THANKSGIVING], [SLIDE], [elsewhere], day, day)
    assert found.state is State.DELAYED


@pytest.mark.parametrize(("to", "why"), [(27, "because of Thanksgiving."), (28, "Snow.")])
def test_a_day_by_hand_that_the_rules_give_too_has_their_reason(to: int, why: str) -> None:
    """After a storm a collection is on its usual day after all: the holiday's, not the storm's."""
    usual = DayException(THANKSGIVING.day, "Ana", "Snow", moved_to=date(2026, 11, to))
    (found,) = calendar([on("Thu")], [THANKSGIVING], [SLIDE], [usual], THANKSGIVING.day, THANKSGIVING.day)
    assert words.why(found).endswith(why)


def test_the_later_of_two_exceptions_wins() -> None:
    day = THANKSGIVING.day
    decided = [DayException(day, "Ana", "snow", state=State.TO_BE_ANNOUNCED)]
    decided.append(DayException(day, "Ben", "roads are clear", moved_to=date(2026, 11, 28)))
    (found,) = calendar([on("Thu")], [THANKSGIVING], [SLIDE], decided, day, day)
    assert (found.effective, found.why.author) == (date(2026, 11, 28), "Ben")


def test_what_is_suspended_by_hand_says_until_when() -> None:
    storm = DayException(THANKSGIVING.day, "Ana", "snow", state=State.SUSPENDED)
    (found,) = calendar([on("Thu")], [], [], [storm], THANKSGIVING.day, THANKSGIVING.day)
    assert (found.why.cause, found.why.until) == (Cause.BY_HAND, date(2026, 12, 3))


@pytest.mark.parametrize(("moved", "until"), [((25, 27), 27), ((30, 45), 32), ((25, 20), 30), ((9, 28), 28)])
def test_a_suspended_day_waits_for_the_next_truck(moved: tuple[int, int], until: int) -> None:
    """Days after October 31. The next truck may be of a day before, of weeks ago, or of the day after the next."""
    schedules, eve = [on("Mon", "Wed", "Thu")], date(2026, 10, 31)
    nominal, effective = (eve + timedelta(days=n) for n in moved)
    by_hand = DayException(nominal, "Ana", "snow", moved_to=effective)
    for rule, expected in (
        (Rule(NAMES, Effect.SUSPEND), None),
        (Rule(NAMES, Effect.MERGE), eve + timedelta(days=until)),
    ):
        (found,) = calendar(schedules, [THANKSGIVING], [rule], [by_hand], THANKSGIVING.day, THANKSGIVING.day)
        assert found.effective == expected
        assert expected or found.why.until == eve + timedelta(days=until)


def test_an_exception_for_a_day_on_which_nothing_is_due_is_noticed() -> None:
    """Staff may name a moved collection by its new date."""
    days = ((DAY_AFTER.day, None), (date(2026, 11, 25), None), (THANKSGIVING.day, "1"), (THANKSGIVING.day, "2"))
    made = [DayException(day, "Ana", "snow", zone, state=State.SUSPENDED) for day, zone in days]
    friday, wednesday, right, other = made
    found = in_vain([on("Thu")], [THANKSGIVING], [SLIDE], [friday, wednesday, other])
    assert [each.exception for each in found] == [friday, wednesday, other]
    assert [each.meant for each in found] == [(THANKSGIVING.day,), (), ()]
    assert in_vain([on("Thu")], [THANKSGIVING], [SLIDE], [right]) == []


def test_a_rule_that_names_an_unknown_holiday_is_noticed() -> None:
    rule = Rule(frozenset(["Thanksgiving", "Thanksgiving Day"]), Effect.SLIDE)
    assert [(each.name, each.year) for each in unknown_holidays([rule], [THANKSGIVING], [2027, 2026])] == [
        ("Thanksgiving", 2027), ("Thanksgiving Day", 2026), ("Thanksgiving Day", 2027)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "until"),
    [
        ([], None),
        ([date(2026, 11, 26)], date(2026, 12, 31)),
        ([date(2026, 7, 3), date(2026, 11, 26), date(2026, 12, 25), date(2027, 1, 1)], date(2026, 12, 31)),
        ([date(2026, 11, 26), date(2026, 12, 25), date(2027, 1, 1), date(2027, 11, 25)], date(2027, 12, 31)),
        ([date(2026, 11, 26), date(2028, 11, 23)], date(2028, 12, 31)),
    ],
)
def test_how_far_the_holidays_reach(days: list[date], until: date | None) -> None:
    """A New Year's Day at the end of a list is not yet the list of its year."""
    assert known_until(Holiday(day, f"{day:%B %d}") for day in days) == until


CHRISTMAS = Holiday(date(2026, 12, 25), "Christmas")  # a Friday
ONLY_THURSDAY = Rule(frozenset(["Thanksgiving"]), Effect.SUSPEND)
OF_CHRISTMAS = Rule(frozenset(["Christmas"]), Effect.SUSPEND)


@pytest.mark.parametrize(
    ("rules", "year", "expected"),
    [
        ([SLIDE, ONLY_THURSDAY], 2026, [(1, (SLIDE,))]),
        ([ONLY_THURSDAY, SLIDE], 2026, []),  # the slide decides Friday
        ([SLIDE, ONLY_THURSDAY], 2027, []),  # no holiday has a date: something else is wrong then
        ([replace(SLIDE, zones=frozenset("1")), ONLY_THURSDAY], 2026, []),  # it decides in zone 2
        ([SLIDE, replace(ONLY_THURSDAY, zones=frozenset("1"))], 2026, [(1, (SLIDE,))]),
        ([SLIDE, SLIDE], 2026, [(1, (SLIDE,))]),
        ([ONLY_THURSDAY, OF_CHRISTMAS, SLIDE], 2026, []),  # Friday after Thanksgiving
        ([ONLY_THURSDAY, OF_CHRISTMAS, Rule(NAMES, Effect.HOLIDAY_ONLY)], 2026, [(2, (ONLY_THURSDAY, OF_CHRISTMAS))]),
    ],
)
def test_a_rule_that_others_before_it_hide_is_noticed(
    rules: list[Rule], year: int, expected: list[tuple[int, tuple[Rule, ...]]]
) -> None:
    schedules = [on("Thu", zone="1"), on("Thu", zone="2"), on("Fri", zone="2", stream="recycling")]
    found = hidden(schedules, [THANKSGIVING, CHRISTMAS], rules, year)
    assert [(one.place, one.by) for one in found] == expected


def test_a_rule_whose_holiday_pushes_what_another_one_moves_is_not_hidden() -> None:
    """Slides of several rules add up: without the second one, Wednesday's would go to Thursday and not to Friday."""
    monday, tuesday = Holiday(date(2026, 11, 23), "Monday"), Holiday(date(2026, 11, 24), "Tuesday")
    rules = [Rule(frozenset([one.name]), Effect.SLIDE) for one in (tuesday, monday)]
    assert hidden([on("Wed")], [monday, tuesday], rules, 2026) == []
