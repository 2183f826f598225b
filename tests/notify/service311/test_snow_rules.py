"""The parking rules of snow emergencies, each case as a line with its city."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from notify.service311.snow import rules
from notify.service311.snow.rules import OTHERS, ROUTES, Answer, Ban, Phase, Spot, Told, Window

CITY = ZoneInfo("America/Chicago")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2027, 1, day, hour, minute, tzinfo=CITY)


# Minneapolis: day 1 the routes on both sides, day 2 the even side of other streets, day 3 the odd side
# (minneapolismn.gov/getting-around/snow/snow-emergencies/snow-parking-rules).
MINNEAPOLIS = (
    Phase(at(12, 21), at(13, 8), (Ban(ROUTES),)),
    Phase(at(13, 8), at(13, 20), (Ban(OTHERS, "even"), Ban("parkway"))),
    Phase(at(14, 8), at(14, 20), (Ban(OTHERS, "odd"),)),
)
# Philadelphia: the routes alone, until it is lifted (phila.gov, snow emergency routes).
PHILADELPHIA = (Phase(at(12, 18), at(14, 6), (Ban(ROUTES),)),)
# A night for one side, a day for the other, without a gap between them.
BY_TURNS = (
    Phase(at(12, 21), at(13, 6), (Ban(ROUTES), Ban(OTHERS, "odd"))),
    Phase(at(13, 6), at(13, 17), (Ban(ROUTES), Ban(OTHERS, "even"))),
)


@pytest.mark.parametrize(
    ("phases", "spot", "now", "verdict", "until"),
    [
        (MINNEAPOLIS, Spot("", 120), at(12, 20, 59), "yes", at(12, 21)),
        (MINNEAPOLIS, Spot("", 120), at(12, 21), "no", at(13, 8)),
        (MINNEAPOLIS, Spot("", 121), at(13, 7, 59), "no", at(13, 8)),
        (MINNEAPOLIS, Spot("", 121), at(13, 8), "yes", None),
        (MINNEAPOLIS, Spot("parkway", 121), at(13, 7), "no", at(13, 20)),  # two phases, one window
        (MINNEAPOLIS, Spot(None, 120), at(12, 22), "yes", at(13, 8)),
        (MINNEAPOLIS, Spot(None, 120), at(13, 9), "no", at(13, 20)),
        (MINNEAPOLIS, Spot(None, 120), at(13, 20), "yes", None),
        (MINNEAPOLIS, Spot(None, 121), at(13, 9), "yes", at(14, 8)),
        (MINNEAPOLIS, Spot(None, 121), at(14, 19, 59), "no", at(14, 20)),
        (PHILADELPHIA, Spot("", 1810), at(13, 12), "no", at(14, 6)),
        (PHILADELPHIA, Spot(None, 1810), at(13, 12), "yes", None),
        (PHILADELPHIA, Spot("", None), at(13, 12), "no", at(14, 6)),
        (BY_TURNS, Spot("", 7), at(12, 23), "no", at(13, 17)),
        (BY_TURNS, Spot(None, 7), at(12, 23), "no", at(13, 6)),
        (BY_TURNS, Spot(None, 8), at(12, 23), "yes", at(13, 6)),
    ],
)
def test_a_car_may_stand_here_until(
    phases: tuple[Phase, ...], spot: Spot, now: datetime, verdict: str, until: datetime | None
) -> None:
    found = rules.answer(phases, spot, now)
    side = found.own or "odd"
    assert (found.verdict, found.sides[side].until) == (verdict, until)


@pytest.mark.parametrize(
    ("phases", "spot", "now", "is_free"),
    [
        (MINNEAPOLIS, Spot(None, 120), at(13, 9), True),
        (BY_TURNS, Spot(None, 7), at(12, 23), True),
        (MINNEAPOLIS, Spot("", 120), at(12, 22), False),
        (MINNEAPOLIS, Spot(None, 121), at(13, 9), False),  # here it may stand
        (MINNEAPOLIS, Spot(None), at(13, 9), False),
    ],
)
def test_the_other_side_of_the_street_is_offered_when_it_stays_free(
    phases: tuple[Phase, ...], spot: Spot, now: datetime, is_free: bool
) -> None:
    assert rules.answer(phases, spot, now).other_is_free is is_free


def test_without_a_house_number_both_sides_are_answered() -> None:
    found: Answer = rules.answer(MINNEAPOLIS, Spot(None), at(13, 9))
    assert (found.verdict, found.own) == ("one side", None)
    assert [found.sides[side].may_park for side in ("odd", "even")] == [True, False]


def test_phases_that_touch_are_one_window() -> None:
    assert rules.windows(BY_TURNS, Spot(""), "odd") == [Window(at(12, 21), at(13, 17))]
    assert rules.windows(BY_TURNS, Spot(None), "even") == [Window(at(13, 6), at(13, 17))]


@pytest.mark.parametrize(
    ("phases", "classes", "others", "expected"),
    [
        (MINNEAPOLIS, {""}, False, [Told("here", at(12, 21), at(13, 8))]),
        (MINNEAPOLIS, {"parkway"}, False, [Told("here", at(12, 21), at(13, 20))]),
        (
            MINNEAPOLIS, (), True,
            [Told("even", at(13, 8), at(13, 20)), Told("odd", at(14, 8), at(14, 20))],
        ),
        (
            MINNEAPOLIS, {""}, True,
            [
                Told("here", at(12, 21), at(13, 8)), Told("even", at(13, 8), at(13, 20)),
                Told("odd", at(14, 8), at(14, 20)),
            ],
        ),
        (PHILADELPHIA, (), True, []),
    ],
)  # fmt: skip
def test_each_is_told_of_their_own_street(
    phases: tuple[Phase, ...], classes: set[str], others: bool, expected: list[Told]
) -> None:
    assert rules.told(phases, classes, others=others) == expected


def test_everybody_is_told_of_routes_and_other_streets() -> None:
    assert rules.told_in_public(PHILADELPHIA) == [Told("routes", at(12, 18), at(14, 6))]
    assert [one.rule for one in rules.told_in_public(MINNEAPOLIS)] == ["routes", "others_even", "others_odd"]


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ((), (rules.NONE, 0)),
        ((Phase(at(12, 8), at(12, 8), (Ban(ROUTES),)),), (rules.ENDS_FIRST, 1)),
        ((Phase(at(12, 8), at(12, 9), ()),), (rules.NO_BAN, 1)),
        ((MINNEAPOLIS[1], MINNEAPOLIS[0]), (rules.OVERLAP, 2)),
    ],
)
def test_phases_that_are_no_rule_are_refused(phases: tuple[Phase, ...], said: tuple[str, int]) -> None:
    with pytest.raises(rules.Wrong) as caught:
        rules.check(phases)
    assert caught.value.args == said


def test_what_is_stored_is_read_again() -> None:
    assert rules.from_json(rules.to_json(MINNEAPOLIS)) == MINNEAPOLIS
