"""Weeks of collections for the tests of the holiday engine."""

from datetime import date, timedelta

from notify.service311.holiday_rules import calendar
from notify.service311.rules import Collection, Effect, Holiday, Rule
from notify.service311.schedules import Schedule

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
THANKSGIVING = Holiday(date(2026, 11, 26), "Thanksgiving")
DAY_AFTER = Holiday(date(2026, 11, 27), "Day after Thanksgiving")
MEMORIAL = Holiday(date(2026, 5, 25), "Memorial Day")
NEW_YEAR_MONDAY = Holiday(date(2026, 11, 23), "New Year")
COLUMBUS = Holiday(date(2026, 10, 12), "Columbus Day")
NAMES = frozenset(
    [
        "Thanksgiving",
        "Day after Thanksgiving",
        "Memorial Day",
        "Independence Day",
        "Christmas Eve",
        "Christmas",
        "New Year",
    ]
)
SLIDE = Rule(NAMES, Effect.SLIDE)


def on(*weekdays: str, stream: str = "trash", zone: str = "1") -> Schedule:
    return Schedule(zone, stream, frozenset(DAYS.index(each) for each in weekdays))


def week_of(
    day: date, rules: list[Rule], holidays: list[Holiday], zones: list[Schedule] | None = None
) -> dict[str, str]:
    """The week's collections by nominal weekday; unless given, each weekday is another zone's day."""
    first = day - timedelta(days=day.weekday())
    schedules = zones or [on(each, zone=each) for each in DAYS]
    found = calendar(schedules, holidays, rules, [], first, first + timedelta(days=6))
    return {DAYS[c.nominal.weekday()]: shown(c) for c in found}


def shown(collection: Collection) -> str:
    if collection.effective is None:
        return collection.state.value
    weeks = (collection.effective - timedelta(days=collection.effective.weekday())) - (
        collection.nominal - timedelta(days=collection.nominal.weekday())
    )
    return DAYS[collection.effective.weekday()] + ("" if not weeks else f"+{weeks.days // 7}w")


def days(text: str) -> dict[str, str]:
    """Sunday is left out where it is on schedule."""
    return dict(zip(DAYS, [*text.split(), "Sun"], strict=False))
