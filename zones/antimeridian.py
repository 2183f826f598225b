"""Shapes across the 180th meridian, cut there (RFC 7946, section 3.1.9): Fiji, Chukotka, the Aleutians."""

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

WORLD = 360.0


def crosses(geometry: BaseGeometry) -> bool:
    """Whether it leaves the world to the east or west by less than once around, or has an edge across 180 degrees.

    An edge of more than half the world is taken for one that goes the other way, as those who draw them mean it.
    """
    coordinates = shapely.get_coordinates(geometry)
    furthest, northmost = np.abs(coordinates).max(axis=0, initial=0.0)
    if not np.isfinite(coordinates).all() or furthest > WORLD or northmost > WORLD / 4:
        return False
    return bool(furthest > WORLD / 2) or any(_jumps(shapely.get_coordinates(line)).any() for line in _lines(geometry))


def followed(geometry: BaseGeometry) -> BaseGeometry:
    """Longitudes that go on beyond 180 degrees instead of jumping, the holes beside their shell."""
    parts = [_followed_part(part) for part in shapely.get_parts(geometry).tolist()]
    if len(parts) == 1:
        return parts[0]
    polygons = all(part.geom_type == "Polygon" for part in parts)
    united: BaseGeometry = shapely.MultiPolygon(parts) if polygons else shapely.GeometryCollection(parts)
    return united


def cut(area: BaseGeometry) -> BaseGeometry:
    """A valid area that goes on beyond the meridian, as parts that lie within the world."""
    pieces = []
    for turn in (-1, 0, 1):
        world = shapely.box(WORLD * turn - 180, -90, WORLD * turn + 180, 90)
        piece = shapely.intersection(area, world)
        pieces.append(shapely.transform(piece, lambda xy, shift=WORLD * turn: xy - (shift, 0.0)))
    united: BaseGeometry = shapely.union_all([piece for piece in pieces if not piece.is_empty])
    return united


def _followed_part(part: BaseGeometry) -> BaseGeometry:
    if part.geom_type == "Polygon" and not part.is_empty:
        shell = _followed(shapely.get_coordinates(part.exterior))
        middle = (shell[:, 0].min() + shell[:, 0].max()) / 2
        holes = [_followed(shapely.get_coordinates(ring)) for ring in part.interiors]
        turns = [np.round((middle - hole[:, 0].mean()) / WORLD) for hole in holes]
        beside = [hole + np.array([WORLD * turn, 0.0]) for hole, turn in zip(holes, turns, strict=True)]
        polygon: BaseGeometry = shapely.Polygon(shell, beside)
        return polygon
    if part.geom_type in ("LineString", "LinearRing") and not part.is_empty:
        line: BaseGeometry = shapely.LineString(_followed(shapely.get_coordinates(part)))
        return line
    return part if part.geom_type == "Point" or part.is_empty else followed(part)


def _followed(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same line without jumps. One that goes around a pole stays as it is: it has no inside on a map."""
    turns = np.concatenate([[0.0], np.cumsum(_jumps(xy))])
    around = turns[-1] != 0 and np.array_equal(xy[0], xy[-1])
    return xy if around else xy + np.column_stack([WORLD * turns, 0 * turns])


def _jumps(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each edge: +1 where it jumps to the west across the meridian, -1 to the east, 0 elsewhere.

    An edge of the whole width of the world is that of a map of the world.
    """
    step = np.diff(xy[:, 0])
    across = (np.abs(step) > WORLD / 2) & (np.abs(step) < WORLD)
    return np.where(across, -np.sign(step), 0.0)


def _lines(geometry: BaseGeometry) -> list[BaseGeometry]:
    """All rings and lines in it."""
    found: list[BaseGeometry] = []
    for part in shapely.get_parts(geometry).tolist():
        if part.geom_type == "Polygon":
            found += shapely.get_rings(part).tolist()
        elif part.geom_type in ("LineString", "LinearRing"):
            found.append(part)
        elif part.geom_type != "Point":
            found += _lines(part)
    return found
