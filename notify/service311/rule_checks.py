"""What rules and exceptions say in vain, for a page or command that is about to publish them; how far they reach."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from notify.service311.holiday_rules import calendar
from notify.service311.rules import DayException, Holiday, Rule
from notify.service311.schedules import Schedule, due_dates

NEAR = timedelta(weeks=2)  # how far from its day a collection is looked for that staff name by its new date


@dataclass(frozen=True, slots=True)
class UnknownHoliday:
    """A rule names a holiday that has no date in a year: it does nothing then."""

    rule: Rule
    name: str
    year: int


@dataclass(frozen=True, slots=True)
class NothingDue:
    """Nothing of the exception's zone and stream is due on its day by the schedule. It does nothing.

    meant: the nominal dates of what is collected that day because it was moved.
    """

    exception: DayException
    meant: tuple[date, ...]


def unknown_holidays(rules: Iterable[Rule], holidays: Iterable[Holiday], years: Iterable[int]) -> list[UnknownHoliday]:
    """Return each name of a rule without a date in one of the years, by rule, name and year.

    For the calendar of a year ask for the next one, too: its New Year may be kept on December 31. A storm has a date in
    one year alone; its rule is of that year.
    """
    known = {(each.name, each.day.year) for each in holidays}
    asked = sorted(set(years))
    return [
        UnknownHoliday(rule, name, year)
        for rule in rules
        for name in sorted(rule.holidays)
        for year in asked
        if (name, year) not in known
    ]


def in_vain(
    schedules: Sequence[Schedule],
    holidays: Sequence[Holiday],
    rules: Sequence[Rule],
    exceptions: Sequence[DayException],
) -> list[NothingDue]:
    """Return the exceptions that change nothing, because nothing is due on their day."""
    found = []
    for each in exceptions:
        own = [schedule for schedule in schedules if each.covers(schedule.zone, schedule.stream)]
        if not any(due_dates(schedule, each.day, each.day) for schedule in own):
            others = [one for one in exceptions if one is not each]
            near = calendar(own, holidays, rules, others, each.day - NEAR, each.day + NEAR)
            meant = sorted({c.nominal for c in near if c.effective == each.day})
            found.append(NothingDue(each, tuple(meant)))
    return found


def known_until(holidays: Iterable[Holiday]) -> date | None:
    """Return the last day for which the holidays are listed, or None when none are: that city's days never move.

    It ends the last year that has at least half as many as the fullest one: a New Year's Day that ends a list is not
    yet the list of the next year. Later dates would be shown as if no holiday were to come.
    """
    counts = Counter(year for year, _ in {(each.day.year, each.name) for each in holidays})
    if not counts:
        return None
    return date(max(year for year, count in counts.items() if 2 * count >= max(counts.values())), 12, 31)
