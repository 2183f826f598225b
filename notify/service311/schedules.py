"""Collection schedules: on which dates a stream is due in a zone when no holiday changes anything.

Pure: no database, no clock. Dates are dates, never instants. Weekdays are those of `date.weekday()`: 0 is Monday, 6 is
Sunday, and a week runs from Monday to Sunday.
"""

from dataclasses import dataclass
from datetime import date, time, timedelta

from notify.core.errors import Invalid

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)

MonthDay = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SetOutTime:
    """When residents set out what is collected: so many days before the collection (1: the evening before), and at
    which wall-clock time."""

    days_before: int
    at: time


EVENING_BEFORE = SetOutTime(1, time(18))


@dataclass(frozen=True, slots=True)
class Season:
    """A part of every year, both ends included, as (month, day). One from November to March runs over New Year."""

    first: MonthDay
    last: MonthDay

    def __contains__(self, day: date) -> bool:
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


@dataclass(frozen=True, slots=True)
class Schedule:
    """One stream of one zone, street segment or address.

    `every_weeks`: 1 each week, 2 for A and B weeks, counted from the week that `anchor` lies in. `listed`: dates that
    no rhythm gives; they are due as well, in any season.
    Raises Invalid for weekdays that are not 0 to 6, an alternating schedule without an anchor, and an anchor that is on
    none of the weekdays: such a base date has shifted whole towns.
    """

    zone: str
    stream: str
    weekdays: frozenset[int]
    every_weeks: int = 1
    anchor: date | None = None
    season: Season | None = None
    set_out: SetOutTime = EVENING_BEFORE
    listed: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.weekdays <= set(range(7)):
            raise Invalid(f"{sorted(self.weekdays)} are not weekdays.", hint="Use 0 for Monday to 6 for Sunday.")
        if self.every_weeks < 1:
            raise Invalid(f"Every {self.every_weeks} weeks is not a rhythm.", hint="Use 1, or 2 for A and B weeks.")
        if self.every_weeks > 1 and self.anchor is None:
            raise Invalid("A schedule of alternating weeks has no date to count from.", hint="Give a date.")
        if self.anchor and self.weekdays and self.anchor.weekday() not in self.weekdays:
            raise Invalid(f"{self.anchor} is not on a collection day of this schedule.", hint="Check date and weekday.")


def monday(day: date) -> date:
    """Return the Monday of the day's week."""
    return day - day.weekday() * DAY


def due_dates(schedule: Schedule, first: date, last: date) -> list[date]:
    """Return the dates from `first` to `last`, both included, on which the schedule is due, in order."""
    days = set(schedule.listed)
    week = monday(first)
    if schedule.anchor:
        # Whole weeks from Monday to Monday: years of 53 weeks and leap days cannot change the parity.
        week += (monday(schedule.anchor) - week).days // 7 % schedule.every_weeks * WEEK
    while week <= last:
        for weekday in schedule.weekdays:
            day = week + weekday * DAY
            if schedule.season is None or day in schedule.season:
                days.add(day)
        week += schedule.every_weeks * WEEK
    return sorted(day for day in days if first <= day <= last)
