"""What each rule does to a week of collections. The cities are those that publish such a rule."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from notify.core.errors import Invalid
from notify.service311.holiday_rules import calendar, closed_days
from notify.service311.rule_data import to_data, to_exception, to_holiday, to_rule
from notify.service311.rules import (
    Cause,
    DayException,
    Direction,
    Effect,
    Holiday,
    Otherwise,
    Rule,
    State,
    Weekend,
)
from notify.service311.schedules import Schedule, Season, SetOutTime
from tests.notify.service311.weeks import (
    COLUMBUS,
    DAY_AFTER,
    MEMORIAL,
    NAMES,
    NEW_YEAR_MONDAY,
    SLIDE,
    THANKSGIVING,
    days,
    on,
    week_of,
)

DAY_ONLY = Rule(NAMES, Effect.HOLIDAY_ONLY)
DAY_ONLY_EARLIER = Rule(NAMES, Effect.HOLIDAY_ONLY, Direction.EARLIER)
EARLIER = Rule(NAMES, Effect.SLIDE, Direction.EARLIER)
EVENING = Rule(NAMES, Effect.SET_OUT, set_out_at=time(18))
SUSPEND = Rule(NAMES, Effect.SUSPEND)
AS_IT_FALLS = Rule(NAMES, Effect.SLIDE, weekend=Weekend.AS_IT_FALLS)
OBSERVED = Rule(NAMES, Effect.SLIDE, weekend=Weekend.NEAREST)
OR_SUSPEND = Rule(NAMES, Effect.SLIDE, weekend=Weekend.AS_IT_FALLS, otherwise=Otherwise.SUSPEND)
OBSERVED_TO_SUNDAY = replace(OBSERVED, spill_to=6)
MERGE_ON_WEDNESDAY = Rule(NAMES, Effect.MERGE, spill_to=2)


XMAS_SAT = [Holiday(date(2027, 12, 25), "Christmas")]
EVE_AND_XMAS = [Holiday(date(2027, 12, 24), "Christmas Eve"), *XMAS_SAT]
XMAS_FRI = [Holiday(date(2026, 12, 25), "Christmas")]
FOURTH_SUN = [Holiday(date(2027, 7, 4), "Independence Day")]
BOTH = [THANKSGIVING, DAY_AFTER]
TBA = "TO_BE_ANNOUNCED"
TABLE = [
    # Most cities: a Monday holiday moves Monday to Friday by a day.
    ("Monday holiday", SLIDE, [MEMORIAL], "Tue Wed Thu Fri Sat Sat Sun"),
    # Los Angeles: a Thursday holiday leaves Monday to Wednesday alone.
    ("midweek holiday", SLIDE, [THANKSGIVING], "Mon Tue Wed Fri Sat Sat"),
    ("no day left: suspended", OR_SUSPEND, XMAS_SAT, "Mon Tue Wed Thu Fri SUSPENDED"),
    ("a city that works on Sunday", replace(SLIDE, spill_to=6), [THANKSGIVING], "Mon Tue Wed Fri Sat Sun Sun"),
    # Los Angeles: Saturday holidays do nothing.
    ("Saturday holiday, ignored", SLIDE, XMAS_SAT, "Mon Tue Wed Thu Fri Sat"),
    ("Saturday holiday, as it falls", AS_IT_FALLS, XMAS_SAT, f"Mon Tue Wed Thu Fri {TBA}"),
    ("Saturday holiday, observed on Friday: neither day", OBSERVED, XMAS_SAT, f"Mon Tue Wed Thu {TBA} Sat"),
    ("the same, in a city that works on Sunday", OBSERVED_TO_SUNDAY, XMAS_SAT, "Mon Tue Wed Thu Sun Sun Sun"),
    ("Friday taken: observed on Thursday", OBSERVED_TO_SUNDAY, EVE_AND_XMAS, "Mon Tue Wed Sun Sun Sun Sun"),
    ("nothing lands on an ignored Saturday holiday", DAY_ONLY, EVE_AND_XMAS, f"Mon Tue Wed Thu {TBA} Sat"),
    ("a Friday holiday", SLIDE, XMAS_FRI, "Mon Tue Wed Thu Sat Sat"),
    # Philadelphia: two holidays in a week add up. Nothing goes past Saturday.
    ("two holidays", SLIDE, BOTH, "Mon Tue Wed Sat Sat Sat"),
    ("two holidays, Monday and Thursday", SLIDE, [NEW_YEAR_MONDAY, THANKSGIVING], "Tue Wed Fri Sat Sat Sat"),
    ("a holiday that no rule names", SLIDE, [COLUMBUS], "Mon Tue Wed Thu Fri Sat"),
    # Bounded: a city that collects on Monday, Tuesday, Thursday and Friday makes up on Wednesday.
    ("bounded slide", replace(SLIDE, bound=1), [MEMORIAL], "Tue Wed Wed Thu Fri Sat"),
    ("bounded slide reaches the holiday itself", replace(SLIDE, bound=1), [THANKSGIVING], "Mon Tue Wed Fri Fri Sat"),
    ("same day only", DAY_ONLY, XMAS_FRI, "Mon Tue Wed Thu Sat Sat"),
    ("same day only, landing on a holiday", DAY_ONLY, BOTH, "Mon Tue Wed Sat Sat Sat"),
    # New York: set out in the evening of the holiday, collected the next day.
    ("set out in the evening", EVENING, [THANKSGIVING], "Mon Tue Wed Fri Fri Sat"),
    ("move earlier, the day alone", DAY_ONLY_EARLIER, [THANKSGIVING], "Mon Tue Wed Wed Fri Sat"),
    ("move earlier, the days before too", EARLIER, [THANKSGIVING], "Mon Mon Tue Wed Fri Sat"),
    ("move earlier, bounded", replace(EARLIER, bound=2), [THANKSGIVING], "Mon Tue Tue Wed Fri Sat"),
    ("move earlier, past a holiday", DAY_ONLY_EARLIER, BOTH, "Mon Tue Wed Wed Wed Sat"),
    ("merge on a day of no other", MERGE_ON_WEDNESDAY, [MEMORIAL], "Wed Tue Wed Thu Fri Sat"),
    # A storm: its days are collected together.
    ("merge on a day", Rule(NAMES, Effect.MERGE, bound=2, spill_to=2), [MEMORIAL], "Wed Wed Wed Thu Fri Sat"),
    ("merge with the next regular day", Rule(NAMES, Effect.MERGE), [MEMORIAL], "Mon+1w Tue Wed Thu Fri Sat"),
    # Philadelphia: suspended until the next regular day.
    ("suspend", SUSPEND, [THANKSGIVING], "Mon Tue Wed SUSPENDED Fri Sat"),
    ("suspend the rest of the week", replace(SUSPEND, bound=4), [THANKSGIVING], "Mon Tue Wed SUSPENDED SUSPENDED Sat"),
    # Councils in England, from Christmas on: to be announced.
    ("to be announced", Rule(NAMES, Effect.ANNOUNCE, bound=5), [THANKSGIVING], f"Mon Tue Wed {TBA} {TBA} {TBA}"),
    ("a drop-off site is shut", Rule(NAMES, Effect.CLOSE), [THANKSGIVING], "Mon Tue Wed CLOSED Fri Sat"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "holidays", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_a_holiday_does_to_its_week(rule: Rule, holidays: list[Holiday], expected: str) -> None:
    assert week_of(holidays[0].day, [rule], holidays) == days(expected)


def test_a_sunday_holiday_does_nothing_or_is_observed_on_monday() -> None:
    assert week_of(date(2027, 7, 5), [SLIDE], FOURTH_SUN) == days("Mon Tue Wed Thu Fri Sat")
    for weekend in (Weekend.NEAREST, Weekend.NEXT):
        observed = replace(SLIDE, weekend=weekend)
        assert week_of(date(2027, 7, 5), [observed], FOURTH_SUN) == days("Tue Wed Thu Fri Sat Sat")


def test_a_slide_ends_with_its_week() -> None:
    """Thanksgiving once pushed the Monday after it."""
    assert week_of(date(2026, 11, 30), [SLIDE], BOTH) == days("Mon Tue Wed Thu Fri Sat")


def test_christmas_and_new_year_are_two_slides() -> None:
    both = [Holiday(date(2025, 12, 25), "Christmas"), Holiday(date(2026, 1, 1), "New Year")]
    for day in (date(2025, 12, 25), date(2026, 1, 1)):
        assert week_of(day, [SLIDE], both) == days("Mon Tue Wed Fri Sat Sat")


def test_two_zones_days_may_meet_but_two_days_of_a_zone_may_not() -> None:
    rule = DAY_ONLY
    twice = [on("Thu", "Fri")]
    assert week_of(THANKSGIVING.day, [rule], [THANKSGIVING], twice) == {"Thu": TBA, "Fri": "Fri"}
    assert week_of(THANKSGIVING.day, [replace(rule, otherwise=Otherwise.MERGE)], [THANKSGIVING], twice) == {
        "Thu": "Fri",
        "Fri": "Fri",
    }
    assert week_of(THANKSGIVING.day, [rule], BOTH, twice) == {"Thu": "Sat", "Fri": TBA}
    # The next regular day is the one to which the neighbour belongs.
    (thursday, _) = calendar(
        twice,
        [THANKSGIVING],
        [replace(rule, otherwise=Otherwise.SUSPEND)],
        [],
        THANKSGIVING.day,
        THANKSGIVING.day + timedelta(days=1),
    )
    assert (thursday.state, thursday.why.until) == (State.SUSPENDED, date(2026, 11, 27))


def test_two_slides_of_two_rules_add_up() -> None:
    rules = [Rule(frozenset([name]), Effect.SLIDE) for name in sorted(NAMES)]
    assert week_of(THANKSGIVING.day, rules, BOTH) == days("Mon Tue Wed Sat Sat Sat")


def test_a_slide_is_pushed_by_slides_of_its_direction_alone() -> None:
    """A holiday that moves only its own day closes it, and pushes nothing that does not land on it."""
    monday = frozenset(["New Year"])
    own = [Rule(monday, Effect.HOLIDAY_ONLY), Rule(NAMES - monday, Effect.SLIDE)]
    assert week_of(THANKSGIVING.day, own, [NEW_YEAR_MONDAY, THANKSGIVING]) == days("Tue Tue Wed Fri Sat Sat")
    earlier = [Rule(NAMES - monday, Effect.SLIDE, Direction.EARLIER, bound=2), Rule(monday, Effect.SLIDE)]
    assert week_of(THANKSGIVING.day, earlier, [NEW_YEAR_MONDAY, THANKSGIVING]) == days("Tue Wed Tue Wed Sat Sat")


def test_a_closed_day_that_a_slide_passes_over_does_not_push_it() -> None:
    holidays = [Holiday(date(2026, 11, 23), "New Year"), Holiday(date(2026, 11, 24), "Christmas"), THANKSGIVING]
    rules = [Rule(NAMES - {"Thanksgiving"}, Effect.SLIDE), Rule(frozenset(["Thanksgiving"]), Effect.HOLIDAY_ONLY)]
    assert week_of(THANKSGIVING.day, rules, holidays) == days("Wed Fri Fri Sat Sat Sat")


def test_what_would_be_merged_on_a_holiday_merges_with_the_next_regular_day() -> None:
    wednesday = Holiday(date(2026, 5, 27), "New Year")
    rules = [replace(MERGE_ON_WEDNESDAY, holidays=frozenset(["Memorial Day"])), Rule(NAMES, Effect.SUSPEND)]
    assert week_of(MEMORIAL.day, rules, [MEMORIAL, wednesday], [on("Mon", "Fri")]) == {"Mon": "Fri", "Fri": "Fri"}


def test_two_holidays_of_a_weekend_are_observed_on_two_days() -> None:
    rule = Rule(frozenset(["Christmas", "Boxing Day"]), Effect.SLIDE, weekend=Weekend.NEXT)
    both = [*XMAS_SAT, Holiday(date(2027, 12, 26), "Boxing Day")]
    assert closed_days(rule, both) == {date(2027, 12, 27): "Christmas", date(2027, 12, 28): "Boxing Day"}


def test_the_first_rule_that_reaches_a_day_decides_and_the_others_close_it() -> None:
    suspend = Rule(frozenset(["Day after Thanksgiving"]), Effect.SUSPEND)
    slide = Rule(frozenset(["Thanksgiving"]), Effect.SLIDE)
    assert week_of(THANKSGIVING.day, [suspend, slide], BOTH) == days("Mon Tue Wed Sat SUSPENDED Sat")


def test_a_rule_is_of_its_zones_and_streams() -> None:
    rule = replace(SLIDE, zones=frozenset(["1"]), streams=frozenset(["trash"]))
    schedules = [on("Thu", zone=zone, stream=stream) for zone in "12" for stream in ("trash", "recycling")]
    found = calendar(schedules, [THANKSGIVING], [rule], [], THANKSGIVING.day, THANKSGIVING.day)
    moved = [(c.zone, c.stream) for c in found if c.state is State.DELAYED]
    assert len(found) == 4
    assert moved == [("1", "trash")]


def test_the_set_out_time_goes_with_the_collection() -> None:
    same_day = replace(on("Thu"), set_out=SetOutTime(0, time(6)))
    for rule, expected in (
        (SLIDE, (date(2026, 11, 27), time(6))),
        (EVENING, (date(2026, 11, 26), time(18))),
    ):
        (found,) = calendar([same_day], [THANKSGIVING], [rule], [], THANKSGIVING.day, THANKSGIVING.day)
        assert found.set_out
        assert (found.set_out.day, found.set_out.at) == expected


def test_why_names_the_holidays_that_count() -> None:
    friday, saturday = calendar(
        [on("Wed", zone="1"), on("Thu", zone="2"), on("Fri", zone="3")],
        BOTH,
        [SLIDE],
        [],
        THANKSGIVING.day,
        DAY_AFTER.day,
    )
    for each in (friday, saturday):
        assert (each.why.cause, each.why.holidays) == (Cause.SLIDE, ("Thanksgiving", "Day after Thanksgiving"))


def test_merged_is_what_is_collected_with_another() -> None:
    rule = Rule(NAMES, Effect.MERGE, spill_to=2)
    for zones, cause in ([on("Mon", "Wed")], Cause.MERGED), ([on("Mon", "Fri")], Cause.HOLIDAY_ONLY):
        monday = calendar(zones, [MEMORIAL], [rule], [], MEMORIAL.day, MEMORIAL.day + timedelta(days=6))[0]
        assert (monday.effective, monday.why.cause) == (date(2026, 5, 27), cause)


def test_alternating_weeks_keep_their_parity_over_slides_and_years_of_53_weeks() -> None:
    """2026 has 53 weeks: with the parity of the week's number, both weeks at the turn of the year would be A."""
    a_week = Schedule("1", "recycling", frozenset([4]), every_weeks=2, anchor=date(2026, 12, 18))
    b_week = replace(a_week, stream="yard", anchor=date(2026, 12, 25))
    christmas = [Holiday(date(2026, 12, 25), "Christmas"), Holiday(date(2027, 1, 1), "New Year")]
    found = calendar([a_week, b_week], christmas, [SLIDE], [], date(2026, 12, 14), date(2027, 1, 10))
    assert [(c.stream, c.effective) for c in found] == [
        ("recycling", date(2026, 12, 18)),
        ("yard", date(2026, 12, 26)),
        ("recycling", date(2027, 1, 2)),
        ("yard", date(2027, 1, 8)),
    ]


def test_a_season_may_run_over_new_year() -> None:
    winter = replace(on("Mon"), season=Season((12, 14), (1, 4)))
    found = calendar([winter], [], [], [], date(2026, 11, 1), date(2027, 2, 28))
    assert [c.nominal for c in found] == [
        date(2026, 12, 14), date(2026, 12, 21), date(2026, 12, 28), date(2027, 1, 4)
    ]  # fmt: skip


def test_what_cannot_be_is_refused() -> None:
    tuesday = date(2026, 11, 24)
    for make in (
        lambda: Schedule("1", "trash", frozenset([7])),
        lambda: Schedule("1", "trash", frozenset([0]), every_weeks=0),
        lambda: Schedule("1", "trash", frozenset([0]), every_weeks=2),
        lambda: Schedule("1", "trash", frozenset([0]), every_weeks=2, anchor=tuesday),
        lambda: Rule(NAMES, Effect.SET_OUT),
        lambda: Rule(NAMES, Effect.SUSPEND, Direction.EARLIER),
        lambda: Rule(NAMES, Effect.HOLIDAY_ONLY, bound=3),
        lambda: Rule(NAMES, Effect.SLIDE, spill_to=9),
        lambda: DayException(tuesday, "Ana", "snow"),
        lambda: DayException(tuesday, "Ana", "snow", moved_to=tuesday, state=State.SUSPENDED),
        lambda: DayException(tuesday, "Ana", "snow", state=State.DELAYED),
        lambda: DayException(tuesday, "Ana", " ", moved_to=tuesday),
    ):
        with pytest.raises(Invalid):
            make()


def test_holidays_rules_and_exceptions_can_be_stored() -> None:
    rule = Rule(NAMES, Effect.SET_OUT, zones=frozenset("21"), set_out_at=time(18), weekend=Weekend.NEAREST)
    assert to_rule(to_data(rule)) == rule
    assert to_data(rule)["zones"] == ["1", "2"]
    assert to_holiday(to_data(THANKSGIVING)) == THANKSGIVING
    exception = DayException(MEMORIAL.day, "Ana", "snow", state=State.SUSPENDED)
    assert to_exception(to_data(exception)) == exception
