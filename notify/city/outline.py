"""Draw an area as an SVG path, without a map server, so that a reader sees at once where it is."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from notify.city.zones import KeptZone, all_zones
from zones.geometry import from_wkb, readable_areas

BEHIND = "neighbourhood"  # the kind of zones that are drawn for orientation
SIZE = 320  # units of the longer side of the drawing
MARGIN = 12.0
MOST_BEHIND = 400  # zones drawn for orientation; more would be unreadable
LETTER, LINE = 4.8, 14  # units of a letter's width in a zone's name, and of a line's height


@dataclass(frozen=True, slots=True)
class Label:
    text: str
    x: float  # its middle
    y: float  # its baseline


@dataclass(frozen=True, slots=True)
class Outline:
    width: int
    height: int
    area: str  # the `d` of an SVG path
    around: tuple[str, ...]  # the zones of the city, for orientation
    names: tuple[Label, ...]  # of those that have room for theirs

    def svg(self, *, danger: bool) -> str:
        """The drawing as a picture of its own, for a report that is printed; `danger`: in the colour of emergencies."""
        colour = "#a3261b" if danger else "#0b5c63"
        zones = "".join(f'<path d="{zone}" fill="#f4f4f2" stroke="#b9bfba"/>' for zone in self.around)
        names = "".join(
            f'<text x="{one.x}" y="{one.y}" font-size="9" text-anchor="middle">{escape(one.text)}</text>'
            for one in self.names
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" fill-rule="evenodd">'
            f'{zones}<path d="{self.area}" fill="{colour}" fill-opacity="0.55" stroke="{colour}"/>{names}</svg>'
        )


def in_city(s: Session, area_wkb: bytes) -> Outline:
    """Draw an area before the city's neighbourhoods or, if it has none, the zones of the kind of which it has most.
    Damaged zones are left out."""
    behind = list(all_zones(s, BEHIND)) or _commonest(all_zones(s))
    readable = readable_areas(bytes(one.version.geometry) for one in behind)
    return outline(area_wkb, [one for one in behind if bytes(one.version.geometry) in readable])


def _commonest(zones: Sequence[KeptZone]) -> list[KeptZone]:
    kinds = Counter(one.zone.kind for one in zones)
    return [one for one in zones if one.zone.kind == max(kinds, key=lambda kind: kinds[kind])]


def outline(area_wkb: bytes, zones: list[KeptZone]) -> Outline:
    behind = zones[:MOST_BEHIND]
    shapes = tuple(bytes(zone.version.geometry) for zone in behind)
    return _drawn(bytes(area_wkb), shapes, tuple(zone.zone.name for zone in behind))


@lru_cache(maxsize=32)
def _drawn(area_wkb: bytes, behind: tuple[bytes, ...], called: tuple[str, ...]) -> Outline:
    area, around = from_wkb(area_wkb), [from_wkb(wkb) for wkb in behind]
    boxes = [shape.bounds for shape in [area, *around]]
    west, south = min(b[0] for b in boxes), min(b[1] for b in boxes)
    east, north = max(b[2] for b in boxes), max(b[3] for b in boxes)
    squeeze = max(math.cos(math.radians((south + north) / 2)), 0.05)  # a degree of longitude, in degrees of latitude
    scale = (SIZE - 2 * MARGIN) / max((east - west) * squeeze, north - south, 1e-9)
    pen = Pen(west, north, scale * squeeze, scale)
    width, height = pen.at(east, south)
    return Outline(
        math.ceil(width + MARGIN),
        math.ceil(height + MARGIN),
        pen.path(area),
        tuple(pen.path(one) for one in around),
        tuple(pen.names(zip(called, around, strict=True))),
    )


@dataclass(frozen=True, slots=True)
class Pen:
    west: float
    north: float
    per_lon: float
    per_lat: float

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        return MARGIN + (lon - self.west) * self.per_lon, MARGIN + (self.north - lat) * self.per_lat

    def names(self, zones: Iterable[tuple[str, BaseGeometry]]) -> Iterator[Label]:
        """Return the names of the zones that are wide enough for theirs, below where an alert's number would be."""
        for name, shape in zones:
            west, _, east, _ = shape.bounds
            if (east - west) * self.per_lon >= len(name) * LETTER:
                inside = shape.representative_point()
                x, y = self.at(inside.x, inside.y)
                yield Label(name, round(x, 1), round(y + LINE / 2, 1))

    def path(self, shape: BaseGeometry) -> str:
        """Return all rings as one path; with the fill rule evenodd, holes stay empty."""
        simple = shape.simplify(0.6 / self.per_lat)
        polygons = getattr(simple, "geoms", [simple])
        rings = [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]
        return " ".join(
            "M" + "L".join("{:.1f},{:.1f}".format(*self.at(x, y)) for x, y, *_ in ring.coords) + "Z" for ring in rings
        )
