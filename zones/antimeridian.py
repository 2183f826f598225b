"""Cut shapes that cross the 180th meridian (RFC 7946, section 3.1.9): Fiji, Chukotka, the Aleutians."""

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

WORLD = 360.0


def crosses(geometry: BaseGeometry) -> bool:
    """Return whether a shape extends beyond 180 degrees, by less than once around, or has an edge across it.

    An edge longer than half the world is taken to go the other way round, because that is what people mean.
    """
    coordinates = shapely.get_coordinates(geometry)
    furthest, northmost = np.abs(coordinates).max(axis=0, initial=0.0)
    if not np.isfinite(coordinates).all() or furthest > WORLD or northmost > WORLD / 4:
        return False
    return bool(furthest > WORLD / 2) or any(_jumps(shapely.get_coordinates(line)).any() for line in _lines(geometry))


def followed(geometry: BaseGeometry) -> BaseGeometry:
    """Return the shape with longitudes that continue beyond 180 degrees instead of jumping, and with its holes."""
    parts = [_followed_part(part) for part in shapely.get_parts(geometry).tolist()]
    if len(parts) == 1:
        return parts[0]
    polygons = all(part.geom_type == "Polygon" for part in parts)
    united: BaseGeometry = shapely.MultiPolygon(parts) if polygons else shapely.GeometryCollection(parts)
    return united


def cut(area: BaseGeometry) -> BaseGeometry:
    """Cut a valid area that continues beyond the meridian into parts within the world."""
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
    """Return the line without jumps. One that goes around a pole is not changed: it has no inside on a map."""
    turns = np.concatenate([[0.0], np.cumsum(_jumps(xy))])
    around = turns[-1] != 0 and np.array_equal(xy[0], xy[-1])
    return xy if around else xy + np.column_stack([WORLD * turns, 0 * turns])


def _jumps(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each edge +1 if it jumps across the meridian to the west, -1 to the east, else 0.

    An edge as wide as the world is the border of a world map and not a jump.
    """
    step = np.diff(xy[:, 0])
    across = (np.abs(step) > WORLD / 2) & (np.abs(step) < WORLD)
    return np.where(across, -np.sign(step), 0.0)


def _lines(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Return all rings and lines of a shape."""
    found: list[BaseGeometry] = []
    for part in shapely.get_parts(geometry).tolist():
        if part.geom_type == "Polygon":
            found += shapely.get_rings(part).tolist()
        elif part.geom_type in ("LineString", "LinearRing"):
            found.append(part)
        elif part.geom_type != "Point":
            found += _lines(part)
    return found
