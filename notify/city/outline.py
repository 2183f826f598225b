"""Draw an area as an SVG path, without a map server, so that a reader sees at once where it is."""

import math
from dataclasses import dataclass
from functools import lru_cache

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from notify.city.zones import KeptZone, all_zones
from zones.geometry import from_wkb

BEHIND = "neighbourhood"  # the kind of zones that are drawn for orientation
SIZE = 320  # units of the longer side of the drawing
MARGIN = 12.0
MOST_BEHIND = 400  # zones drawn for orientation; more would be unreadable


@dataclass(frozen=True, slots=True)
class Outline:
    width: int
    height: int
    area: str  # the `d` of an SVG path
    around: tuple[str, ...]  # the zones of the city, for orientation

    def svg(self, *, danger: bool) -> str:
        """The drawing as a picture of its own, for a report that is printed; `danger`: in the colour of emergencies."""
        colour = "#a3261b" if danger else "#0b5c63"
        zones = "".join(f'<path d="{zone}" fill="#f4f4f2" stroke="#b9bfba"/>' for zone in self.around)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" fill-rule="evenodd">'
            f'{zones}<path d="{self.area}" fill="{colour}" fill-opacity="0.55" stroke="{colour}"/></svg>'
        )


def in_city(s: Session, area_wkb: bytes) -> Outline:
    """Draw an area before the city's neighbourhoods."""
    return outline(area_wkb, list(all_zones(s, BEHIND)))


def outline(area_wkb: bytes, zones: list[KeptZone]) -> Outline:
    return _drawn(bytes(area_wkb), tuple(bytes(zone.version.geometry) for zone in zones[:MOST_BEHIND]))


@lru_cache(maxsize=32)
def _drawn(area_wkb: bytes, behind: tuple[bytes, ...]) -> Outline:
    area, around = from_wkb(area_wkb), [from_wkb(wkb) for wkb in behind]
    boxes = [shape.bounds for shape in [area, *around]]
    west, south = min(b[0] for b in boxes), min(b[1] for b in boxes)
    east, north = max(b[2] for b in boxes), max(b[3] for b in boxes)
    squeeze = max(math.cos(math.radians((south + north) / 2)), 0.05)  # a degree of longitude, in degrees of latitude
    scale = (SIZE - 2 * MARGIN) / max((east - west) * squeeze, north - south, 1e-9)
    pen = Pen(west, north, scale * squeeze, scale)
    width, height = pen.at(east, south)
    return Outline(
        math.ceil(width + MARGIN), math.ceil(height + MARGIN), pen.path(area), tuple(pen.path(one) for one in around)
    )


@dataclass(frozen=True, slots=True)
class Pen:
    west: float
    north: float
    per_lon: float
    per_lat: float

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        return MARGIN + (lon - self.west) * self.per_lon, MARGIN + (self.north - lat) * self.per_lat

    def path(self, shape: BaseGeometry) -> str:
        """Return all rings as one path; with the fill rule evenodd, holes stay empty."""
        simple = shape.simplify(0.6 / self.per_lat)
        polygons = getattr(simple, "geoms", [simple])
        rings = [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]
        return " ".join(
            "M" + "L".join("{:.1f},{:.1f}".format(*self.at(x, y)) for x, y, *_ in ring.coords) + "Z" for ring in rings
        )
