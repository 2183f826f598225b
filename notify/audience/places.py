"""Read where residents live: in an area, or all of some residents'. A place that cannot be decrypted rings an alarm."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import unreached
from notify.audience.everywhere import LAST_ID
from notify.audience.unreached import OfUnreached
from notify.core import alarms, points
from notify.core.counting import counted
from notify.core.db import raw
from zones.membership import METRES_PER_DEGREE, Membership


class Places(NamedTuple):
    """Places, as columns: resident, lon and lat in degrees, and radius."""

    residents: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    radius_m: NDArray[np.float32]

    def where(self, chosen: NDArray[np.bool_]) -> "Places":
        return Places(self.residents[chosen], self.lon[chosen], self.lat[chosen], self.radius_m[chosen])

    def inside(self, area: Membership) -> "Places":
        """Return the places whose disc touches an area."""
        return self.where(area.inside(self.lon, self.lat, self.radius_m))


def places_inside(s: Session, area: Membership, now: datetime, after: int = 0, through: int = LAST_ID) -> Places:
    """Return the places inside of an area. Those that cannot be decrypted are left out, with an alarm."""
    near = _readable(s, _places_near(s, *area.bounds, after, through), now)
    inside = near.inside(area)
    if isinstance(area, OfUnreached):
        return inside.where(np.isin(inside.residents, unreached.residents(s, area.first, now)))
    return inside


def places_of(s: Session, residents: Sequence[int], now: datetime) -> Places:
    """Return all places of some residents. Those that cannot be decrypted are left out, with an alarm."""
    return _readable(s, _places(s, "subscriber_id = ANY(%(residents)s)", {"residents": list(residents)}), now)


def _readable(s: Session, rows: NDArray[np.void], now: datetime) -> Places:
    found, readable = _opened(rows)
    if readable.all():
        return found
    _report_unreadable(s, found.residents[~readable], now)
    return found.where(readable)


def _opened(rows: NDArray[np.void]) -> tuple[Places, NDArray[np.bool_]]:
    residents = rows["subscriber_id"].astype(np.int64)
    lon, lat, readable = points.open_all(residents, rows["point_sealed"])
    return Places(residents, lon, lat, rows["radius_m"].astype(np.float32)), readable


def _report_unreadable(s: Session, residents: NDArray[np.int64], now: datetime) -> None:
    some = ", ".join(map(str, np.unique(residents)[:10]))
    told = f"Places of {counted(residents.size, 'resident')} cannot be decrypted and are left out of alerts ({some})."
    alarms.sound(s, alarms.UNREADABLE_PLACE, f"{told} Enter these places again.", now)


def _places_near(
    s: Session, west: float, south: float, east: float, north: float, after: int, through: int
) -> NDArray[np.void]:
    """Return the places whose disc may touch a box.

    They are found by the cells that the box touches and arrive as the bytes of one array: fetching a million rows one
    by one would take ten times as long as finding them.
    """
    reach_m: float = s.execute(text("SELECT coalesce(max(radius_m), 0) FROM places WHERE radius_m > 0")).scalar_one()
    pad_lat = reach_m / METRES_PER_DEGREE
    pad_lon = pad_lat / max(np.cos(np.radians(min(max(abs(south), abs(north)) + pad_lat, 90.0))), 0.001)
    cells = points.cells(west - pad_lon, south - pad_lat, east + pad_lon, north + pad_lat)
    where = "" if cells is None else " AND cell_index = ANY(%(cells)s)"
    return _places(
        s,
        f"subscriber_id > %(after)s AND subscriber_id <= %(through)s{where}",
        {"cells": cells, "after": after, "through": through},
    )


def _places(s: Session, where: str, values: Mapping[str, Any]) -> NDArray[np.void]:
    with raw(s).cursor(binary=True) as cursor:
        row = cursor.execute(
            f"SELECT coalesce(string_agg({points.SENT}, ''), '') FROM places WHERE {where}", values
        ).fetchone()
    return np.frombuffer(row[0] if row else b"", dtype=points.ROW)
