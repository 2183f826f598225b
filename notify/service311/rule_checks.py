"""What rules and exceptions say in vain, for a page or command that is about to publish them; how far they reach."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from notify.service311.holiday_rules import Closing, calendar
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


@dataclass(frozen=True, slots=True)
class Hidden:
    """A rule that changes nothing in a year, because rules before it decide each day that it reaches. `place`: in the
    list of rules, from 0."""

    place: int
    rule: Rule
    year: int
    by: tuple[Rule, ...]


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


def hidden(
    schedules: Iterable[Schedule], holidays: Sequence[Holiday], rules: Sequence[Rule], year: int
) -> list[Hidden]:
    """Return the rules that are hidden in a year. One whose holidays push what an earlier rule moves is not."""
    of_year = [*schedules]
    first, last = date(year, 1, 1), date(year, 12, 31)
    deciding, behind = _deciding(of_year, holidays, rules, first, last)

    def days(some: Sequence[Rule]) -> list[tuple[object, ...]]:
        found = calendar(of_year, holidays, some, (), first, last)
        return [(c.zone, c.stream, c.nominal, c.effective, c.state, c.set_out) for c in found]

    maybe = [place for place in sorted(behind) if place not in deciding]
    with_all = days(rules) if maybe else []
    return [
        Hidden(place, rules[place], year, tuple(rules[one] for one in sorted(behind[place])))
        for place in maybe
        if days([*rules[:place], *rules[place + 1 :]]) == with_all
    ]


def _deciding(
    schedules: Iterable[Schedule], holidays: Sequence[Holiday], rules: Sequence[Rule], first: date, last: date
) -> tuple[set[int], dict[int, set[int]]]:
    """Return the places of the rules that decide a day; and of those that reach one, which rules decide it before."""
    kept = [Closing(rule, holidays) for rule in rules]
    alike = {
        (replace(one, zone=""), tuple(n for n, rule in enumerate(rules) if rule.applies_to(one.zone, one.stream)))
        for one in schedules
    }
    deciding, behind = set[int](), dict[int, set[int]]()
    for schedule, places in alike:
        for day in due_dates(schedule, first, last):
            reaching = [place for place in places if kept[place].reaching(day)]
            deciding.update(reaching[:1])
            for place in reaching[1:]:
                behind.setdefault(place, set()).add(reaching[0])
    return deciding, behind


def known_until(holidays: Iterable[Holiday]) -> date | None:
    """Return the last day for which the holidays are listed, or None when none are: that city's days never move.

    It ends the last year that has at least half as many as the fullest one: a New Year's Day that ends a list is not
    yet the list of the next year. Later dates would be shown as if no holiday were to come.
    """
    counts = Counter(year for year, _ in {(each.day.year, each.name) for each in holidays})
    if not counts:
        return None
    return date(max(year for year, count in counts.items() if 2 * count >= max(counts.values())), 12, 31)
