"""What the next edition will say of a year, as holidays, rules, exceptions and schedules stand now; what it changes
against the published one; and what is wrong with it.

Of zones alone: houses with days of their own have the same rules.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.city import basemap
from notify.city import zones as city_zones
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.models import CollectionSchedule
from notify.service311 import calendars, edition_schedules, editions, rule_checks, rule_store, zone_order
from notify.service311.calendars import BEYOND, KIND
from notify.service311.holiday_rules import calendar
from notify.service311.preview import Change, preview
from notify.service311.rule_checks import Hidden, NothingDue, UnknownHoliday
from notify.service311.rule_store import Rules
from notify.service311.rules import Collection, State, Weekend
from notify.service311.schedules import Schedule, due_dates

YEARS_AROUND = 5
YEARS_AHEAD = 2  # for which a holiday without a date is a finding

_Way = tuple[object, ...] | None
_Ways = tuple[_Way, _Way]


@dataclass(frozen=True, slots=True)
class Line:
    """Collections of one nominal date that go the same way. `old`: in the published edition; None where there is none,
    and in the year as it will be. `new`: None where nothing is collected any more."""

    nominal: date
    streams: tuple[str, ...]
    zones: tuple[str, ...]
    old: Collection | None
    new: Collection | None


@dataclass(frozen=True, slots=True)
class Findings:
    """`hidden`: rules that do nothing in the year that is shown. `unused`: holidays that no rule names. `until`: as of
    `rule_checks.known_until`, of the next edition."""

    unknown: Sequence[UnknownHoliday]
    in_vain: Sequence[NothingDue]
    hidden: Sequence[Hidden]
    unused: Sequence[str]
    until: date | None


@dataclass(frozen=True, slots=True)
class NextEdition:
    """`year`: the lines of those that are not on schedule. `changes`: those whose day is another one than published.
    `by_zone`: how many days change in each zone. `reasons`: how many have another reason or set-out time alone.
    `until`: of the published edition."""

    of_year: int
    published: int | None
    until: date | None
    rules: Rules
    pending: editions.Pending
    fingerprint: str
    year: Sequence[Line]
    changes: Sequence[Line]
    by_zone: Mapping[str, int]
    reasons: int
    findings: Findings


def read(s: Session, of_year: int, now: datetime) -> NextEdition:
    """Compare the calendars of a year, in the past too. Raises Invalid for a year that is far off."""
    today = calendars.today(now)
    if abs(of_year - today.year) > YEARS_AROUND:
        raise Invalid(_("%(year)s is too far away.", year=of_year), hint=_("Choose a year near this one."))
    first, last = date(of_year, 1, 1), date(of_year, 12, 31)
    current = editions.current(s)
    rules, schedules = rule_store.read(rule_store.standing(s)), _schedules(s, None)
    planned = _year(schedules, rules, first, last)
    before: list[Collection] = []
    old_rules = Rules()
    if current is not None:
        old_rules = rule_store.of_edition(s, current.number)
        before = _year(_schedules(s, current.number), old_rules, first, last)
    names = {str(one.zone.id): one.zone.name for one in city_zones.all_zones(s, KIND)}
    differing = [one for one in preview(before, planned) if _day(one) >= today or of_year > today.year]
    moved = [one for one in differing if one.date_differs]
    return NextEdition(
        of_year,
        current.number if current else None,
        rule_checks.known_until(old_rules.holidays),
        rules,
        editions.pending(s),
        editions.fingerprint(s),
        _lines([one for one in preview([], planned) if one.new and one.new.state is not State.ON_SCHEDULE], names),
        _lines(moved, names),
        _counted(names.get(one.zone, one.zone) for one in moved),
        len(differing) - len(moved),
        _findings(s, schedules, rules, today, of_year),
    )


def _findings(s: Session, schedules: Sequence[Schedule], rules: Rules, today: date, of_year: int) -> Findings:
    """Return what the rules say in vain, from this year on to the end of the listed holidays or of
    the year after next."""
    until = rule_checks.known_until(rules.holidays)
    last = min(until.year if until else today.year, today.year + YEARS_AHEAD)
    years = range(today.year, max(last, today.year) + 1)
    named = {name for rule in rules.rules for name in rule.holidays}
    return Findings(
        [*rule_checks.unknown_holidays(rules.rules, rules.holidays, years), *_new_year(rules, years[-1] + 1)],
        _in_vain(s, schedules, rules, today),
        rule_checks.hidden(schedules, rules.holidays, rules.rules, of_year),
        sorted({one.name for one in rules.holidays} - named),
        until,
    )  # fmt: skip


def _in_vain(s: Session, schedules: Sequence[Schedule], rules: Rules, today: date) -> list[NothingDue]:
    """Return the exceptions to come that do nothing in any zone, nor at a house there with days of its own."""
    coming = [one for one in rules.exceptions if one.day >= today]
    found = [
        one
        for one in rule_checks.in_vain(schedules, rules.holidays, rules.rules, rules.exceptions)
        if one.exception in coming
    ]
    houses = _of_houses(s) if found else []
    return [
        one
        for one in found
        if not any(
            one.exception.covers(house.zone, house.stream) and due_dates(house, one.exception.day, one.exception.day)
            for house in houses
        )
    ]


def _of_houses(s: Session) -> list[Schedule]:
    """Return the schedules of houses in the next edition, once for each zone that has the house: each of them once,
    however many houses have it."""
    rows = s.scalars(
        select(CollectionSchedule).where(editions.next_has(CollectionSchedule), CollectionSchedule.address.is_not(None))
    ).all()
    known = basemap.zones_now(s, basemap.current(s)) if rows else None
    return list(
        {
            replace(edition_schedules.schedule_of(row), zone=str(zone))
            for row in rows
            for zone, _name in calendars.zones_at(s, row.lon or 0, row.lat or 0, known)
        }
    )


def _new_year(rules: Rules, year: int) -> list[UnknownHoliday]:
    """Return the holidays of the first days of January that are not listed in the year after the last one, although a
    rule may keep them on December 31."""
    early = {one.name for one in rules.holidays if (one.day.month, one.day.day) <= (1, 2)}
    nearest = [rule for rule in rules.rules if rule.weekend is Weekend.NEAREST]
    return [one for one in rule_checks.unknown_holidays(nearest, rules.holidays, [year]) if one.name in early]


def _schedules(s: Session, edition: int | None) -> list[Schedule]:
    """Return the schedules of the zones in an edition, or in the next one."""
    has = editions.next_has(CollectionSchedule) if edition is None else editions.has(CollectionSchedule, edition)
    rows = s.scalars(select(CollectionSchedule).where(has, CollectionSchedule.zone_id.is_not(None)))
    return [edition_schedules.schedule_of(row) for row in rows]


def _year(schedules: Sequence[Schedule], rules: Rules, first: date, last: date) -> list[Collection]:
    found = calendar(schedules, rules.holidays, rules.rules, rules.exceptions, first - BEYOND, last + BEYOND)
    return [one for one in found if first <= one.nominal <= last]


def _day(change: Change) -> date:
    """Return the last date that a change is about."""
    days = [one.effective for one in (change.old, change.new) if one and one.effective]
    return max([change.nominal, *days])


def _lines(pieces: Iterable[Change], names: Mapping[str, str]) -> list[Line]:
    """Gather what goes the same way in several streams and zones into lines, by date."""
    of_zone: dict[tuple[date, str, _Ways], list[Change]] = defaultdict(list)
    for one in pieces:
        of_zone[one.nominal, one.zone, (_way(one.old), _way(one.new))].append(one)
    lines: dict[tuple[date, tuple[str, ...], _Ways], list[Change]] = defaultdict(list)
    for (nominal, _zone, ways), ones in of_zone.items():
        lines[nominal, tuple(sorted(one.stream for one in ones)), ways].append(ones[0])
    found = [
        Line(nominal, streams, _ordered(names.get(one.zone, one.zone) for one in ones), ones[0].old, ones[0].new)
        for (nominal, streams, _ways), ones in lines.items()
    ]
    return sorted(found, key=lambda line: (line.nominal, [zone_order.place(zone) for zone in line.zones]))


def _ordered(zones: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(zones, key=zone_order.place))


def _counted(zones: Iterable[str]) -> dict[str, int]:
    counts = Counter(zones)
    return {zone: counts[zone] for zone in _ordered(counts)}


def _way(one: Collection | None) -> _Way:
    if one is None:
        return None
    return (one.effective, one.state, one.why.cause, one.why.holidays, one.why.reason, one.why.until)
