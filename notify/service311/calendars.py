"""The published calendars: of a zone, and of a place in the city. All outputs read them here, with their edition."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from shapely import Point
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.city import basemap
from notify.city.basemap.areas import Zones
from notify.core.kept_results import KeptResults
from notify.core.settings import settings
from notify.models import CollectionEdition, CollectionSchedule, Zone
from notify.service311 import edition_schedules, editions, rule_store, zone_order
from notify.service311.edition_schedules import NO_HOUSE, House, OwnDays
from notify.service311.holiday_rules import calendar
from notify.service311.rule_checks import known_until
from notify.service311.rule_store import Rules
from notify.service311.rules import Collection, DayException
from notify.service311.schedules import Schedule

BACK, AHEAD = timedelta(days=31), timedelta(days=366)  # of the dates that are shown
BEYOND = timedelta(days=14)  # a nominal date may lie that far from the date of the truck
KIND = "collection"

Key = tuple[int, datetime]  # of an edition, in whatever database


@dataclass(frozen=True, slots=True)
class Edition:
    """`until`: the last day for which its holidays are listed (`rule_checks.known_until`); None if it has none."""

    number: int
    published_at: datetime
    until: date | None = None

    @property
    def key(self) -> Key:
        return self.number, self.published_at


@dataclass(frozen=True, slots=True)
class Calendar:
    """`collections`: from a month ago to a year ahead, or to the end of the year for which holidays are listed, by the
    date that is shown. `zones`: id and name of those it is
    read from. `unsure`: streams for which two zones of the place have different days, and which are not answered.
    `address`: of a house with days of its own, "" else."""

    edition: Edition
    collections: tuple[Collection, ...]
    zones: tuple[tuple[int, str], ...]
    unsure: tuple[str, ...] = ()
    address: str = ""

    @property
    def streams(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.stream for one in self.collections))

    def ahead(self, today: date, stream: str | None = None) -> list[Collection]:
        """Return what is to come, today's included."""
        return [one for one in self.collections if shown_on(one) >= today and (stream is None or one.stream == stream)]


@dataclass(frozen=True, slots=True)
class Edited:
    """Other rules than those of an edition. `zones`: calendars of zones by them, as far as they were computed."""

    rules: Rules
    zones: dict[int, tuple[Collection, ...]] = field(default_factory=dict)


_rules: KeptResults[Key, Rules] = KeptResults(most=8)
_schedules: KeptResults[tuple[Key, int], tuple[Schedule, ...]] = KeptResults(most=2_000)
_with_houses: KeptResults[Key, bool] = KeptResults(most=8)
_calendars: KeptResults[tuple[Key, int, date], tuple[Collection, ...]] = KeptResults(most=2_000)


def today(now: datetime) -> date:
    """Return the date on the city's clocks. From here on dates are dates."""
    return now.astimezone(settings().tz).date()


def shown_on(one: Collection) -> date:
    """Return the date under which a collection is listed: that of the truck, or else the one that it would have."""
    return one.effective or one.nominal


def of_zone(s: Session, zone: Zone, now: datetime) -> Calendar | None:
    """Return the calendar of a zone; None before the first edition."""
    edition = current(s)
    if edition is None:
        return None
    return Calendar(edition, _of_zone(s, edition, zone.id, today(now)), ((zone.id, zone.name),))


def of_zones(
    s: Session, zones: Iterable[Zone], now: datetime, number: int | None = None, edited: Edited | None = None
) -> dict[int, tuple[Collection, ...]]:
    """Return the collections of zones by their ids, in few statements; {} before the first edition. `number`: of the
    edition that is asked, the current one by default."""
    edition = current(s) if number is None else numbered(s, number)
    if edition is None:
        return {}
    read: dict[int, list[Schedule]] | None = None

    def schedules_of(zone_id: int) -> tuple[Schedule, ...]:
        nonlocal read
        if read is None:
            read = edition_schedules.of_zones(s, edition.number)
        return tuple(read.get(zone_id, ()))

    def computed(zone_id: int) -> tuple[Collection, ...]:
        schedules = _schedules.get((edition.key, zone_id), lambda: schedules_of(zone_id))
        return _computed(s, edition, schedules, day)

    day, ids = today(now), [zone.id for zone in zones]
    if edited is not None:
        return {one: _of_zone(s, edition, one, day, edited) for one in ids}
    return {one: _calendars.get((edition.key, one, day), partial(computed, one)) for one in ids}


def of_place(
    s: Session, lon: float, lat: float, now: datetime, label: str = "", known: Zones | None = None
) -> Calendar | None:
    """Return the calendar of a place in degrees: of its house where that has days of its own, and of its zones.
    `label`: the address that was confirmed; several houses may have one point. `known`: the zones of now, where the
    caller has read them.

    None before the first edition; a calendar without collections where nothing is collected.
    """
    edition = current(s)
    if edition is None:
        return None
    return in_zones(s, edition, zones_at(s, lon, lat, known), today(now), house_at(s, edition, lon, lat, label))


def of_houses(s: Session, now: datetime, *numbers: int, edited: Edited | None = None) -> list[dict[House, Calendar]]:
    """Return the calendar of every house that has days of its own in one of these editions, in each of them."""
    found = [edition for number in numbers if (edition := numbered(s, number)) is not None]
    own = [edition_schedules.of_houses(s, one.number) if has_houses(s, one) else {} for one in found]
    houses = sorted({house for some in own for house in some})
    if not houses:
        return [{} for _edition in found]
    known, day = basemap.zones_now(s, basemap.current(s)), today(now)
    there = {house: zones_at(s, *house, known) for house in houses}
    alike: dict[Any, Calendar] = {}  # many have the same days in the same zones

    def calendar_of(edition: Edition, house: House, own: OwnDays) -> Calendar:
        days = frozenset(replace(one, zone="") for one in own.schedules)
        key = edition.number, there[house], days, own.doubtful
        if key not in alike:
            alike[key] = in_zones(s, edition, there[house], day, own, edited)
        return replace(alike[key], address=own.address)

    return [
        {house: calendar_of(edition, house, some.get(house, NO_HOUSE)) for house in houses}
        for edition, some in zip(found, own, strict=True)
    ]


def in_zones(
    s: Session,
    edition: Edition,
    zones: tuple[tuple[int, str], ...],
    day: date,
    own: OwnDays = NO_HOUSE,
    edited: Edited | None = None,
) -> Calendar:
    """Return the calendar of a place in these zones, seen on a day. `own`: from `house_at`."""
    by_stream: dict[str, dict[frozenset[Schedule], int]] = {}  # stream -> its days -> a zone that has them
    for zone_id, _name in zones:
        of_streams: dict[str, set[Schedule]] = {}
        for one in _of_zone_schedules(s, edition, zone_id):
            of_streams.setdefault(one.stream, set()).add(replace(one, zone=""))
        for stream, patterns in of_streams.items():
            by_stream.setdefault(stream, {}).setdefault(frozenset(patterns), zone_id)
    first = zones[0][0] if zones else 0
    # What is decided for a zone holds for its houses with days of their own, too.
    house = [replace(one, zone=str(next(iter(by_stream.get(one.stream, {}).values()), first))) for one in own.schedules]
    streams = {one.stream for one in house}
    unsure = ({stream for stream, ways in by_stream.items() if len(ways) > 1} | own.doubtful) - streams
    found = list(_computed(s, edition, house, day, edited)) if house else []
    for stream, ways in by_stream.items():
        if stream not in streams and stream not in unsure:
            zone_id = next(iter(ways.values()))
            found += [one for one in _of_zone(s, edition, zone_id, day, edited) if one.stream == stream]
    return Calendar(edition, _in_order(found), zones, tuple(sorted(unsure)), own.address)


def zones_at(s: Session, lon: float, lat: float, known: Zones | None = None) -> tuple[tuple[int, str], ...]:
    """Return id and name of the collection zones at a point, by name."""
    known = known or basemap.zones_now(s, basemap.current(s))
    rows = known.tree.query(Point(lon, lat), predicate="intersects").tolist()
    there = [known.about[row] for row in rows if known.about[row]["kind"] == KIND]
    return tuple(sorted(((int(one["id"]), str(one["name"])) for one in there), key=lambda one: one[1]))


def streams_collected(s: Session) -> frozenset[str]:
    """Return what the current edition has a schedule for, in a zone or at a house."""
    edition = current(s)
    if edition is None:
        return frozenset()
    having = edition_schedules.in_edition(edition.number).with_only_columns(CollectionSchedule.stream)
    return frozenset(s.scalars(having.distinct()))


def zones_with_days(s: Session) -> Sequence[Zone]:
    """Return the zones that the current edition has a schedule for: in their order in lists."""
    edition = current(s)
    if edition is None:
        return []
    having = edition_schedules.in_edition(edition.number).with_only_columns(CollectionSchedule.zone_id)
    found = s.scalars(select(Zone).where(Zone.id.in_(having), Zone.retired_at.is_(None))).all()
    return sorted(found, key=lambda zone: zone_order.place(zone.name))


def numbered(s: Session, number: int) -> Edition | None:
    kept = s.get(CollectionEdition, number)
    if kept is None:
        return None
    edition = Edition(kept.number, kept.published_at)
    return replace(edition, until=known_until(rules_of(s, edition).holidays))


def edited(s: Session, edition: Edition, more: Sequence[DayException], *, alone: bool = False) -> Edited:
    """Return an edition's rules with more exceptions than it has. `alone`: with these instead of those that it has."""
    rules = rules_of(s, edition)
    return Edited(replace(rules, exceptions=tuple(more) if alone else (*rules.exceptions, *more)))


def rules_of(s: Session, edition: Edition) -> Rules:
    return _rules.get(edition.key, lambda: rule_store.of_edition(s, edition.number))


def current(s: Session) -> Edition | None:
    found: CollectionEdition | None = editions.current(s)
    if found is None:
        return None
    edition = Edition(found.number, found.published_at)
    return replace(edition, until=known_until(rules_of(s, edition).holidays))


def _of_zone(
    s: Session, edition: Edition, zone_id: int, day: date, edited: Edited | None = None
) -> tuple[Collection, ...]:
    def compute() -> tuple[Collection, ...]:
        return _computed(s, edition, _of_zone_schedules(s, edition, zone_id), day, edited)

    if edited is not None:
        if zone_id not in edited.zones:
            edited.zones[zone_id] = compute()
        return edited.zones[zone_id]
    return _calendars.get((edition.key, zone_id, day), compute)


def _of_zone_schedules(s: Session, edition: Edition, zone_id: int) -> tuple[Schedule, ...]:
    return _schedules.get((edition.key, zone_id), lambda: edition_schedules.of_zone(s, edition.number, zone_id))


def house_at(s: Session, edition: Edition, lon: float, lat: float, label: str) -> OwnDays:
    """Return the days of the house at a point, if it has some of its own."""
    return edition_schedules.at_house(s, edition.number, lon, lat, label) if has_houses(s, edition) else NO_HOUSE


def has_houses(s: Session, edition: Edition) -> bool:
    """Whether any house has days of its own."""
    return _with_houses.get(edition.key, lambda: edition_schedules.any_house(s, edition.number))


def _computed(
    s: Session, edition: Edition, schedules: Iterable[Schedule], day: date, edited: Edited | None = None
) -> tuple[Collection, ...]:
    rules = edited.rules if edited else rules_of(s, edition)
    first, last = day - BACK, min(day + AHEAD, edition.until or date.max)  # no date is better than a wrong one
    found = calendar(schedules, rules.holidays, rules.rules, rules.exceptions, first - BEYOND, last + BEYOND)
    return _in_order(one for one in found if first <= shown_on(one) <= last)


def _in_order(found: Iterable[Collection]) -> tuple[Collection, ...]:
    return tuple(sorted(found, key=lambda one: (shown_on(one), one.stream)))
