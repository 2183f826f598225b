"""Import collection schedules by zone or by address. Rows that cannot be used are reported by their line, and the
others are taken. Nothing of it is public before the next edition (`editions.publish`).

A schedule in the file replaces those of the same zone or address and stream. Others stay, or leave with `replace`
where they came from a file of the same name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, delete, insert, literal, select, update
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.city import geocoder
from notify.city import zones as city_zones
from notify.core import audit
from notify.core.characters import visible
from notify.core.db import take_lock
from notify.core.errors import Invalid
from notify.models import CollectionSchedule, Operator
from notify.service311 import editions, schedule_rows
from notify.service311.schedule_rows import Given, Pattern, Refused, Wanted
from notify.subscribers.placing import NoPlace, certain
from zones.addresses.rows import BadRow
from zones.files.rowfile import ScheduleRow

KIND = "collection"  # of the zones
MOST_LISTED = 1_000
AT_ONCE = 1_000  # rows whose addresses are looked up in one statement


class Target(NamedTuple):
    """What a schedule is of: a zone, or a house with its place in degrees."""

    zone_id: int | None = None
    address: str | None = None
    lon: float | None = None
    lat: float | None = None

    @property
    def key(self) -> tuple[int | None, str | None]:
        return self.zone_id, self.address


Key = tuple[tuple[int | None, str | None], str]  # a target and a stream


@dataclass(slots=True)
class Report:
    """The result of an import, in schedules: one for each zone or address and stream. `left_out`: of the file before,
    not in this one, gone with the next edition. `bad` lists the first of `bad_count`."""

    source: str
    dry_run: bool
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    left_out: int = 0
    zones_without: list[str] = field(default_factory=list)
    bad_count: int = 0
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, number: int, reason: str) -> None:
        self.bad_count += 1
        if len(self.bad) < MOST_LISTED:
            self.bad.append(BadRow(number, reason))


def take(
    s: Session,
    rows: Iterable[ScheduleRow | BadRow],
    source: str,
    given: Given,
    now: datetime,
    by: Operator | None = None,
    *,
    replace: bool = False,
    dry_run: bool = False,
) -> Report:
    """Import the rows of a file. A dry run changes nothing and reports the same. Raises NotAllowed; Invalid when no row
    can be used."""
    operators.require_by(by, "administer")
    take_lock(s, editions.LOCK)
    report = Report(source, dry_run)
    found = dict(_found(s, rows, given, report))
    report.bad.sort(key=lambda one: one.number)
    if not found:
        first = f" The first is row {report.bad[0].number}: {report.bad[0].reason}" if report.bad else ""
        raise Invalid(f"No row of {source} can be used.{first}", hint="Nothing was changed.")
    there = _there(s)
    leaving: list[CollectionSchedule] = []
    wanted: list[tuple[Key, Target, tuple[Pattern, ...]]] = []
    for key, (target, patterns) in found.items():
        kept = there.get(key, [])
        if {_pattern(one) for one in kept} == set(patterns):
            report.unchanged += 1
            continue
        report.changed, report.new = report.changed + bool(kept), report.new + (not kept)
        leaving += kept
        wanted.append((key, target, patterns))
    if replace:
        gone = [kept for key, kept in there.items() if key not in found and kept[0].source == source]
        report.left_out = len(gone)
        leaving += [one for kept in gone for one in kept]
    report.zones_without = _zones_without(s, there, found)
    if not dry_run and (wanted or leaving):
        _store(s, leaving, wanted, source, now, by)
        counts = {"rows": report.new + report.changed, "bad": report.bad_count, "replaced": report.left_out}
        audit.note(s, now=now, by=by, action="import", subject="collection_schedules", subject_id=0, source=source,
                   **counts)  # fmt: skip
    return report


def _found(
    s: Session, rows: Iterable[ScheduleRow | BadRow], given: Given, report: Report
) -> Iterator[tuple[Key, tuple[Target, tuple[Pattern, ...]]]]:
    """Yield the schedules of the good rows. Rows of a file of zones that say the same count once; several patterns of a
    zone and stream are right only in several seasons."""
    targets = _Targets(s)
    met: dict[Key, dict[tuple[int, int] | None, tuple[int, Pattern]]] = {}
    of: dict[Key, Target] = {}
    for wanted, target in _wanted(rows, targets, given, report):
        for stream in wanted.streams:
            key = target.key, stream
            seasons = met.setdefault(key, {})
            other = next((one for season, one in seasons.items() if _meet(season, wanted.pattern.season)), None)
            if other is None:
                seasons[wanted.pattern.season] = wanted.number, wanted.pattern
                of[key] = target
            elif other[1] != wanted.pattern:
                called = wanted.zone or wanted.address
                report.refuse(
                    wanted.number,
                    f"row {other[0]} says something else of the {stream} of {called}."
                    " Write all weekdays into one row, or give each row a season of its own.",
                )
    for key, seasons in met.items():
        yield key, (of[key], tuple(pattern for _, pattern in seasons.values()))


def _wanted(
    rows: Iterable[ScheduleRow | BadRow], targets: "_Targets", given: Given, report: Report
) -> Iterator[tuple[Wanted, Target]]:
    """Yield the rows that can be read, with what they are of. Addresses are looked up many at a time."""
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        read: list[Wanted] = []
        for row in some:
            try:
                if isinstance(row, BadRow):
                    raise Refused(row.reason)
                read.append(schedule_rows.read(row, given))
            except Refused as why:
                report.refuse(row.number, str(why))
        targets.look_up(list(dict.fromkeys(one.address for one in read if one.address)))
        for one in read:
            try:
                target = targets.of(one)
            except Refused as why:
                report.refuse(one.number, str(why))
                continue
            yield one, target


def _meet(season: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    """Whether two seasons have a day in common. One may go over New Year."""
    if season is None or other is None:
        return True

    def within(day: int, one: tuple[int, int]) -> bool:
        return one[0] <= day <= one[1] if one[0] <= one[1] else day >= one[0] or day <= one[1]

    return within(season[0], other) or within(other[0], season)


class _Targets:
    """Finds the zone or the house that a row is of."""

    def __init__(self, s: Session) -> None:
        self._s = s
        kept = [one.zone for one in city_zones.all_zones(s, KIND)]
        self._by_id = {zone.external_id.casefold(): zone.id for zone in kept if zone.external_id}
        self._by_name = {zone.name.casefold(): zone.id for zone in kept}
        self._houses: dict[str, geocoder.Found] = {}

    def look_up(self, addresses: Sequence[str]) -> None:
        """Find the addresses that `of` is asked for next."""
        found = geocoder.find_many(self._s, addresses) if addresses else ()
        self._houses = dict(zip(addresses, found, strict=True))

    def of(self, wanted: Wanted) -> Target:
        if wanted.address:
            return self._house(wanted.address)
        called = visible(wanted.zone).casefold()
        zone_id = self._by_name.get(called) or self._by_id.get(called)
        if zone_id is None:
            there = "" if self._by_name else " Import the zones first: tocsin zones import FILE --kind collection."
            raise Refused(f"zone: there is no collection zone {wanted.zone!r}.{there}")
        return Target(zone_id)

    def _house(self, address: str) -> Target:
        found = self._houses[address]
        try:
            lon, lat = certain(found)
        except NoPlace as why:
            raise Refused(f"address: {str(why).replace('give lon and lat', 'write it as it is in the address file')}") \
                from None  # fmt: skip
        return Target(None, found.matches[0].label, lon, lat)


def _there(s: Session) -> Mapping[Key, list[CollectionSchedule]]:
    """Return the schedules of the next edition as it stands."""
    there: dict[Key, list[CollectionSchedule]] = {}
    for one in s.scalars(select(CollectionSchedule).where(editions.next_has(CollectionSchedule))):
        there.setdefault(((one.zone_id, one.address), one.stream), []).append(one)
    return there


def _pattern(one: CollectionSchedule) -> Pattern:
    season = (one.season_from, one.season_to) if one.season_from is not None and one.season_to is not None else None
    return Pattern(tuple(one.weekdays), one.every_weeks, one.anchor, season, one.set_out_before, one.set_out_at,
                   tuple(one.listed))  # fmt: skip


def _zones_without(s: Session, there: Mapping[Key, object], found: Mapping[Key, object]) -> list[str]:
    having = {zone_id for (zone_id, _), _ in (*there, *found)}
    return [one.zone.name for one in city_zones.all_zones(s, KIND) if one.zone.id not in having]


def _store(
    s: Session,
    leaving: list[CollectionSchedule],
    wanted: list[tuple[Key, Target, tuple[Pattern, ...]]],
    source: str,
    now: datetime,
    by: Operator | None,
) -> None:
    """Take out what the next edition does not have, and add what is new: never published rows are deleted."""
    published = [one.id for one in leaving if one.from_edition is not None]
    drafts = [one.id for one in leaving if one.from_edition is None]
    if published:
        s.execute(update(CollectionSchedule).where(_one_of(published)).values(leaving=True))
    if drafts:
        s.execute(delete(CollectionSchedule).where(_one_of(drafts)))
    new = [
        {
            **target._asdict(),
            "stream": stream,
            "weekdays": list(pattern.weekdays),
            "every_weeks": pattern.every_weeks,
            "anchor": pattern.anchor,
            "season_from": pattern.season[0] if pattern.season else None,
            "season_to": pattern.season[1] if pattern.season else None,
            "set_out_before": pattern.set_out_before,
            "set_out_at": pattern.set_out_at,
            "listed": list(pattern.listed),
            "source": source,
            "made_at": now,
            "made_by": by.id if by else None,
        }
        for (_, stream), target, patterns in wanted
        for pattern in patterns
    ]
    if new:
        s.execute(insert(CollectionSchedule), new)


def _one_of(ids: list[int]) -> ColumnElement[bool]:
    """Compare with one array: a statement has at most 65,535 parameters."""
    return CollectionSchedule.id == any_(literal(ids, ARRAY(BigInteger)))
