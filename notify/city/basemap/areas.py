"""The layers of a tile below and above the streets: water, parks, boundaries, buildings and zones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import zones as city_zones
from zones import gate
from zones.tiles import UNITS_PER_PIXEL, Feature, Shapes, Tile

LAYERS = ("water", "park", "boundary", "building")
BUILDINGS_FROM = 15
SMALLEST_PX = 2.0
MOST_IN_TILE = 20_000  # the largest ones; more would be unreadable and would take seconds
NAME_PX = 60.0  # a shape this wide is labelled

# A shape that reaches into the tile begins at most the widest shape's width to the west of it. This bound keeps the
# index scan short: from the city's western edge, half a million buildings would take a tenth of a second.
_IN_BOX = text("""
    SELECT layer, name, geometry, east - west AS width FROM map_features
    WHERE layer = :layer AND west BETWEEN :west - :widest AND :east AND east >= :west
      AND south <= :north AND north >= :south
      AND (east - west >= :smallest OR north - south >= :smallest)
    ORDER BY greatest(east - west, north - south) DESC, id LIMIT :most
""")


@dataclass(frozen=True)
class Zones:
    """The current zones, with a point in each for its label."""

    about: tuple[dict[str, str | int], ...]  # id, kind, name
    shapes: Shapes
    points: NDArray[np.float64]
    tree: shapely.STRtree = field(repr=False)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        return _bounds(self.shapes)

    @property
    def boxes(self) -> list[tuple[float, float, float, float]]:
        return [(west, south, east, north) for west, south, east, north in shapely.bounds(self.shapes).tolist()]

    def features(self, tile: Tile) -> list[Feature]:
        found = np.sort(self.tree.query(shapely.box(*tile.bounds)))
        cut = tile.fit(self.shapes[found])
        return [
            Feature(shape, about, int(about["id"]))
            for shape, about in zip(cut, (self.about[index] for index in found), strict=True)
            if not shape.is_empty
        ]

    def names(self, tile: Tile) -> list[Feature]:
        if not self.about:
            return []
        held = np.flatnonzero(tile.holds(self.points[:, 0], self.points[:, 1]))
        points = tile.fit(np.asarray(shapely.points(self.points[held]), dtype=object))
        return [
            Feature(point, {**self.about[index], "of": "zone"}, int(self.about[index]["id"]))
            for point, index in zip(points, held, strict=True)
            if not point.is_empty
        ]


def read_zones(s: Session) -> Zones:
    kept = city_zones.all_zones(s)
    shapes, readable = gate.readable_from_wkb(one.version.geometry for one in kept)
    kept = [kept[row] for row in readable]
    about = tuple({"id": one.zone.id, "kind": one.zone.kind, "name": one.zone.name} for one in kept)
    return Zones(about, shapes, _inside(shapes), shapely.STRtree(shapes))


def widest(s: Session) -> dict[str, float]:
    """Return the width of each layer's widest shape, in degrees."""
    rows = s.execute(text("SELECT layer, max(east - west) AS width FROM map_features GROUP BY layer")).all()
    return {row.layer: row.width for row in rows}


def features(s: Session, tile: Tile, widths: Mapping[str, float]) -> dict[str, list[Feature]]:
    """Return the features of each layer, and of `names`: points for the labels of water and parks.

    `widths`: the result of `widest`, which reads every row and is therefore called once per edition.
    """
    rows = _rows(s, tile, widths)
    drawn: dict[str, list[Feature]] = {layer: [] for layer in (*LAYERS, "names")}
    for layer, draw in _DRAWN.items():
        own = [row for row in rows if row.layer == layer]
        if own:
            shapes, readable = gate.readable_from_wkb(row.geometry for row in own)
            own = [own[row] for row in readable]
            drawn[layer] = draw(tile, shapes)
            drawn["names"] += _names(tile, layer, own, shapes) if layer in ("water", "park") else []
    return drawn


def bounds(s: Session) -> tuple[float, float, float, float] | None:
    """Return the bounds of the city's boundary if there is one, else of its water and parks."""
    for layers in (["boundary"], ["water", "park"]):
        row = s.execute(
            text("SELECT min(west), min(south), max(east), max(north) FROM map_features WHERE layer = ANY(:layers)"),
            {"layers": layers},
        ).one()
        if row[0] is not None:
            return row[0], row[1], row[2], row[3]
    return None


def _rows(s: Session, tile: Tile, widths: Mapping[str, float]) -> list[Any]:
    west, south, east, north = tile.bounds
    box = {"west": west, "south": south, "east": east, "north": north}
    most = {"smallest": SMALLEST_PX * tile.degrees_per_pixel, "most": MOST_IN_TILE}
    shown = LAYERS if tile.z >= BUILDINGS_FROM else LAYERS[:-1]
    asked = [{**box, **most, "layer": layer, "widest": widths[layer]} for layer in shown if layer in widths]
    return [row for one in asked for row in s.execute(_IN_BOX, one)]


def _filled(tile: Tile, shapes: Shapes) -> list[Feature]:
    """Return all polygons as one feature, which is encoded much faster than many, and all lines as another."""
    cut = tile.fit(shapes)
    parts = shapely.get_parts(cut)
    polygons = parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) >= UNITS_PER_PIXEL)]
    lines = parts[np.isin(shapely.get_type_id(parts), (1, 2)) & (shapely.length(parts) > 0)]
    drawn = [Feature(shapely.multipolygons(polygons), {})] if len(polygons) else []
    return drawn + ([Feature(shapely.multilinestrings(lines), {})] if len(lines) else [])


def _outlined(tile: Tile, shapes: Shapes) -> list[Feature]:
    """Return the edges as lines: a polygon cut to the tile would be outlined along the edge of the tile."""
    is_area = np.isin(shapely.get_type_id(shapes), (3, 6))
    lines = np.where(is_area, shapely.boundary(shapes), shapes)
    parts = shapely.get_parts(tile.fit(np.asarray(lines, dtype=object)))
    seen = parts[np.isin(shapely.get_type_id(parts), (1, 2)) & (shapely.length(parts) > 0)]
    return [Feature(shapely.multilinestrings(seen), {})] if len(seen) else []


_DRAWN: dict[str, Callable[[Tile, Shapes], list[Feature]]] = {
    "water": _filled,
    "park": _filled,
    "boundary": _outlined,
    "building": _filled,
}


def _names(tile: Tile, layer: str, rows: Sequence[Any], shapes: Shapes) -> list[Feature]:
    wide = NAME_PX * tile.degrees_per_pixel
    bearing = np.flatnonzero([bool(row.name) and row.width >= wide for row in rows])
    if not len(bearing):
        return []
    points = _inside(shapes[bearing])
    held = tile.holds(points[:, 0], points[:, 1])
    cut = tile.fit(np.asarray(shapely.points(points[held]), dtype=object))
    return [
        Feature(point, {"name": rows[index].name, "of": layer})
        for point, index in zip(cut, bearing[held], strict=True)
        if not point.is_empty
    ]


def _inside(shapes: Shapes) -> NDArray[np.float64]:
    """Return a point within each shape."""
    if not len(shapes):
        return np.zeros((0, 2))
    points: NDArray[np.float64] = shapely.get_coordinates(shapely.point_on_surface(shapes))
    return points


def _bounds(shapes: Shapes) -> tuple[float, float, float, float] | None:
    if not len(shapes):
        return None
    west, south, east, north = shapely.total_bounds(shapes)
    return float(west), float(south), float(east), float(north)
