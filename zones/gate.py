"""Normalise every shape that comes from a file, over REST, from a command or from the database.

GEOS 3.13 crashes the whole process (a segmentation fault, not an exception) in `segmentize`, or `buffer` with a
negative distance, of a polygon with an empty hole or a collection with an empty part. Such a shape is legal in WKT and
WKB, and is `[[ring], []]` in GeoJSON.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Shapes = NDArray[np.object_]

COLLECTION = 7  # shapely's type id of GeometryCollection


def admit(shape: BaseGeometry) -> BaseGeometry:
    """Return the same shape in two dimensions, without empty holes and parts.

    A polygon with an empty shell is empty, whatever holes it has. A shape that has only empty parts keeps its kind.
    """
    flat: BaseGeometry = shapely.force_2d(shape)
    return _without_empties(flat) if _has_empties(flat) else flat


def admit_all(shapes: Sequence[BaseGeometry | None] | Shapes) -> Shapes:
    """Admit many shapes; None stays None. This is much faster than one by one when nothing has to be dropped."""
    flat: Shapes = shapely.force_2d(np.asarray(shapes, dtype=object))
    collections = shapely.get_type_id(flat) == COLLECTION
    parts, part_of = shapely.get_parts(flat, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    empty_parts, empty_rings = part_of[shapely.is_empty(parts)], part_of[ring_of[shapely.is_empty(rings)]]
    for at in {*np.flatnonzero(collections).tolist(), *empty_parts.tolist(), *empty_rings.tolist()}:
        flat[at] = admit(flat[at])
    return flat


def from_wkb(wkb: bytes) -> BaseGeometry:
    """Read a stored shape. Raises shapely's GEOSException for bytes that are not a shape."""
    return admit(shapely.from_wkb(bytes(wkb)))


def readable_from_wkb(stored: Iterable[bytes]) -> tuple[Shapes, NDArray[np.intp]]:
    """Read many stored shapes. Return those that can be read and their indices: a damaged one does not hide others."""
    wkb = np.array([bytes(one) for one in stored], dtype=object)
    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    kept = np.flatnonzero(~shapely.is_missing(shapes))
    return admit_all(shapes[kept]), kept


def _has_empties(shape: BaseGeometry) -> bool:
    if shape.geom_type == "GeometryCollection":
        return any(part.is_empty or _has_empties(part) for part in shapely.get_parts(shape).tolist())
    parts = shapely.get_parts(shape)
    if shapely.is_empty(parts).any():
        return True
    return "Polygon" in shape.geom_type and bool(shapely.is_empty(shapely.get_rings(parts)).any())


def _without_empties(shape: BaseGeometry) -> BaseGeometry:
    kind = shape.geom_type
    if kind == "Polygon":
        return _polygon(shape)
    if not hasattr(shape, "geoms"):
        return shape
    parts = [admitted for part in shapely.get_parts(shape).tolist() if not (admitted := admit(part)).is_empty]
    again: BaseGeometry = type(shape)(parts)
    return again


def _polygon(polygon: BaseGeometry) -> BaseGeometry:
    if polygon.is_empty:
        return shapely.Polygon()
    return shapely.Polygon(polygon.exterior, [hole for hole in polygon.interiors if not hole.is_empty])
