"""Find a ZIP code or a zone of the city by its name: a place for somebody whose own address nobody finds."""

import math
from dataclasses import dataclass
from typing import Literal

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import zones as city_zones
from notify.city.geocoder.memory import gazetteer
from notify.core.characters import visible
from zones import gate
from zones.addresses.ranges import metres

Bounds = tuple[float, float, float, float]  # west, south, east, north


@dataclass(frozen=True, slots=True)
class Region:
    """`reach_m`: from its middle, about as far as it goes."""

    kind: Literal["zip", "zone"]
    name: str
    lon: float
    lat: float
    reach_m: float


def region(s: Session, name: str) -> Region | None:
    """Return the ZIP code of the city's own data, or the zone, that is called so; None if there is none.

    Of zones with one name the smallest counts.
    """
    name = visible(name).strip()
    if name[:5].isdecimal() and len(name) >= 5:
        bounds = _zips(s).get(name[:5])
        return _of("zip", name[:5], bounds) if bounds else None
    called = [one for one in city_zones.all_zones(s) if one.zone.name.casefold() == name.casefold()]
    if not called:
        return None
    kept = min(called, key=lambda one: one.version.area_m2)
    shapes, _ = gate.readable_from_wkb([kept.version.geometry])
    if not len(shapes):
        return None
    middle = shapely.point_on_surface(shapes[0])
    return Region("zone", kept.zone.name, middle.x, middle.y, _across_m(shapes[0].bounds) / 2)


def _of(kind: Literal["zip", "zone"], name: str, bounds: Bounds) -> Region:
    west, south, east, north = bounds
    return Region(kind, name, (west + east) / 2, (south + north) / 2, _across_m(bounds) / 2)


def _across_m(bounds: Bounds) -> float:
    west, south, east, north = bounds
    return math.hypot(metres((west, south), (east, south)), metres((west, south), (west, north)))


_kept: tuple[str, dict[str, Bounds]] = ("", {})


def _zips(s: Session) -> dict[str, Bounds]:
    """Return the bounds of each ZIP code without its outermost houses, read once for each edition of the data."""
    global _kept
    version = gazetteer(s).version
    if _kept[0] != version:
        rows = s.execute(text(_ZIPS)).all()
        _kept = version, {row.zip: (row.west, row.south, row.east, row.north) for row in rows}
    return _kept[1]


_ZIPS = """
    SELECT zip, percentile_disc(0.02) WITHIN GROUP (ORDER BY lon) AS west,
           percentile_disc(0.02) WITHIN GROUP (ORDER BY lat) AS south,
           percentile_disc(0.98) WITHIN GROUP (ORDER BY lon) AS east,
           percentile_disc(0.98) WITHIN GROUP (ORDER BY lat) AS north
      FROM (SELECT left(zip, 5) AS zip, lon, lat FROM address_points WHERE zip <> ''
            UNION ALL SELECT left(left_zip, 5), (west + east) / 2, (south + north) / 2 FROM streets WHERE left_zip <> ''
            UNION ALL SELECT left(right_zip, 5), (west + east) / 2, (south + north) / 2 FROM streets
                       WHERE right_zip NOT IN ('', left_zip)) AS places
     GROUP BY zip
"""
