"""The schedules of an edition: of a zone, and of houses with days of their own."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from notify.models import CollectionSchedule
from notify.service311 import editions
from notify.service311.schedules import Schedule, Season, SetOutTime
from zones.addresses.readings import readings

SAME_HOUSE = 1e-5  # degrees, about 1 m


class House(NamedTuple):
    """Where a house with days of its own stands, in degrees."""

    lon: float
    lat: float


class OwnDays(NamedTuple):
    """Of a house: its address, its own schedules, and the streams for which it is not known which of several houses is
    meant; "" and none for most."""

    address: str = ""
    schedules: tuple[Schedule, ...] = ()
    doubtful: frozenset[str] = frozenset()


NO_HOUSE = OwnDays()


def in_edition(number: int) -> Select[Any]:
    return select(CollectionSchedule).where(editions.has(CollectionSchedule, number))


def of_zone(s: Session, number: int, zone_id: int) -> tuple[Schedule, ...]:
    return tuple(map(schedule_of, s.scalars(in_edition(number).where(CollectionSchedule.zone_id == zone_id))))


def of_zones(s: Session, number: int) -> dict[int, list[Schedule]]:
    """Return the schedules of all zones that have any."""
    found: dict[int, list[Schedule]] = {}
    for row in s.scalars(in_edition(number).where(CollectionSchedule.zone_id.is_not(None))):
        found.setdefault(row.zone_id or 0, []).append(schedule_of(row))
    return found


def any_house(s: Session, number: int) -> bool:
    """Return whether any house has days of its own."""
    some = in_edition(number).where(CollectionSchedule.address.is_not(None)).with_only_columns(CollectionSchedule.id)
    return s.scalar(some.limit(1)) is not None


def at_house(s: Session, number: int, lon: float, lat: float, label: str) -> OwnDays:
    """Return the days of the house at a point: of that with this address, where several stand there."""
    near = in_edition(number).where(
        CollectionSchedule.address.is_not(None),
        CollectionSchedule.lon.between(lon - SAME_HOUSE, lon + SAME_HOUSE),
        CollectionSchedule.lat.between(lat - SAME_HOUSE, lat + SAME_HOUSE),
    )
    rows = s.scalars(near.order_by(CollectionSchedule.address)).all()
    return _own(_called(rows, label) if label else rows)


def of_houses(s: Session, number: int) -> dict[House, OwnDays]:
    """Return all houses with days of their own. Of several at one point it is not known which one is meant."""
    rows = s.scalars(
        in_edition(number)
        .where(CollectionSchedule.address.is_not(None))
        .order_by(CollectionSchedule.lon, CollectionSchedule.lat, CollectionSchedule.address)
    )
    return {house: _own(list(there)) for house, there in groupby(rows, lambda row: House(row.lon or 0, row.lat or 0))}


def _own(rows: Iterable[CollectionSchedule]) -> OwnDays:
    there = list(rows)
    if len({row.address for row in there}) > 1:
        return OwnDays(doubtful=frozenset(row.stream for row in there))
    return OwnDays(there[0].address or "" if there else "", tuple(map(schedule_of, there)))


def _called(rows: Sequence[CollectionSchedule], label: str) -> list[CollectionSchedule]:
    """Return the rows of the house that an address names, however it is written; those of its unit, if it has some."""
    same = [row for row in rows if row.address == label]
    if same:
        return same
    houses = {(one.number, one.street): one.unit for one in readings(label) if one.number is not None}
    found = [
        (row, one.unit)
        for row in rows
        for one in readings(row.address or "")
        if one.number is not None
        and (one.number, one.street) in houses
        and one.unit in ("", houses[one.number, one.street])
    ]
    of_unit = [row for row, unit in found if unit]
    return list(dict.fromkeys(of_unit or [row for row, _unit in found]))


def schedule_of(row: CollectionSchedule) -> Schedule:
    season = None
    if row.season_from is not None and row.season_to is not None:
        season = Season(divmod(row.season_from, 100), divmod(row.season_to, 100))
    return Schedule(
        row.address or str(row.zone_id),
        row.stream,
        frozenset(row.weekdays),
        row.every_weeks,
        row.anchor,
        season,
        SetOutTime(row.set_out_before, row.set_out_at),
        frozenset(row.listed),
    )
