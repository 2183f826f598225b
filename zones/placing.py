"""Compare zones with what is known of the city: zones elsewhere, zones that cover all of it, and tiny ones.

None of these is necessarily wrong, so they must be confirmed.
"""

from collections.abc import Sequence

import shapely
import shapely.ops
from shapely.geometry.base import BaseGeometry

from zones import places
from zones.files.zonefile import CleanZone
from zones.geometry import ELLIPSOID, area_m2

Bounds = tuple[float, float, float, float]  # west, south, east, north

SHOWN = 8
NEAR_DEGREES = 0.5  # zones may lie this far outside the city's known bounds, or as far as the city is wide or high
TINY_M2 = 10.0
WHOLE = 0.02  # of the city's width and height: a zone this near to its bounds on every side covers it
LARGE = 0.25  # of the box around the city: a zone must also have this much area to cover it
SOUTHERNMOST = -60.0  # no city lies farther south, but an American one with swapped coordinates does
SWAP = "add --swap-axes if it puts latitude first"


def around(center: tuple[float, float] | None) -> Bounds | None:
    """Return the bounds of a city of which only the centre is known: a point, around which NEAR_DEGREES are allowed."""
    return None if center is None else (*center, *center)


def unknown_city(bounds: Bounds) -> str:
    """Return the question about a first import, when nothing is known of the city yet."""
    west, south, east, north = bounds
    return (
        f"It lies {places.near((west + east) / 2, (south + north) / 2)}. Nothing is known of the city yet: is this the "
        "right place? TOCSIN_CITY_CENTER sets where the city is."
    )


def questions(zones: Sequence[CleanZone], city: Bounds | None, *, is_whole: bool = True) -> list[str]:
    """Return what must be confirmed, a sentence each. `city`: its known bounds; None if nothing is known yet.

    `is_whole`: these are the bounds of the whole city.
    """
    if not zones:
        return []
    asked = [f"{zone.name} is only {area_m2(zone.geometry):.1f} m² large." for zone in zones if _is_tiny(zone)]
    if city is None:
        west, south, east, north = _extent(zones)
        if north < SOUTHERNMOST:
            return [*asked, f"All of it lies in Antarctica: {SWAP}."]
        return [*asked, unknown_city((west, south, east, north))]
    near = _grown(city)
    outside = [zone for zone in zones if not shapely.box(*zone.geometry.bounds).intersects(near)]
    if len(outside) == len(zones):
        return [*asked, _all_outside(zones, city)]
    covering = [f"{zone.name} covers the whole city." for zone in zones if is_whole and covers(zone.geometry, city)]
    return [*asked, *_some(outside, city), *covering]


def _all_outside(zones: Sequence[CleanZone], city: Bounds) -> str:
    west, south, east, north = _extent(zones)
    turned = shapely.box(south, west, north, east)
    what = f"{zones[0].name} lies" if len(zones) == 1 else f"All {len(zones)} zones lie"
    place = places.near((west + east) / 2, (south + north) / 2)
    where = f"{what} outside the city, {_kilometres((west, south, east, north), city):,.0f} km from it ({place})"
    swapped = turned.intersects(_grown(city))
    return f"{where}, and inside when longitude and latitude are swapped: {SWAP}." if swapped else f"{where}."


def _extent(zones: Sequence[CleanZone]) -> Bounds:
    west, south, east, north = shapely.total_bounds([zone.geometry for zone in zones]).tolist()
    return west, south, east, north


def _some(outside: Sequence[CleanZone], city: Bounds) -> list[str]:
    told = [
        f"{zone.name} lies outside the city, {_kilometres(zone.geometry.bounds, city):,.0f} km from it."
        for zone in outside[:SHOWN]
    ]
    return [*told, f"So do {len(outside) - SHOWN} more."] if len(outside) > SHOWN else told


def _is_tiny(zone: CleanZone) -> bool:
    return bool(shapely.area(zone.geometry) < 1e-6) and area_m2(zone.geometry) < TINY_M2


def covers(area: BaseGeometry, city: Bounds) -> bool:
    """Return whether an area covers nearly all of the city."""
    west, south, east, north = city
    aside, up = (east - west) * WHOLE, (north - south) * WHOLE
    left, bottom, right, top = area.bounds
    reaches = left <= west + aside and right >= east - aside and bottom <= south + up and top >= north - up
    box = shapely.box(*city)
    return reaches and bool(area.intersection(box).area >= LARGE * box.area)


def is_swapped(lon: float, lat: float, city: Bounds | None) -> bool:
    """Return whether a point is far from the city but near it with latitude and longitude swapped."""
    if city is None:
        return lat < SOUTHERNMOST
    return not is_near(lon, lat, city) and is_near(lat, lon, city)


def is_near(lon: float, lat: float, city: Bounds) -> bool:
    """Return whether a point lies in the city or its surroundings, whose residents may want its alerts."""
    west, south, east, north = _around(city)
    return west <= lon <= east and south <= lat <= north


def _grown(city: Bounds) -> shapely.Polygon:
    return shapely.box(*_around(city))


def surroundings(city: Bounds) -> Bounds:
    """Return the box in which something that belongs to the city may lie."""
    return _around(city)


def kilometres(bounds: Bounds, city: Bounds) -> float:
    """Return the distance between the nearest points of two boxes."""
    return _kilometres(bounds, city)


def _around(city: Bounds) -> Bounds:
    west, south, east, north = city
    aside, up = max(NEAR_DEGREES, east - west), max(NEAR_DEGREES, north - south)
    return west - aside, south - up, east + aside, north + up


def _kilometres(bounds: Bounds, city: Bounds) -> float:
    here, there = shapely.ops.nearest_points(shapely.box(*bounds), shapely.box(*city))
    _, _, metres = ELLIPSOID.inv(here.x, here.y, there.x, there.y)
    return float(metres) / 1000
