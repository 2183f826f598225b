"""What two areas have in common: shares, and what is left of one without the other, but for slivers along borders."""

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from zones.gate import Shapes

# Borders that are drawn anew are never quite the same: what is nowhere wider than this, about 10 m, is left out. Of a
# small area only what is narrower still, by its mean width.
SLIVER_DEGREES, SLIVER_OF_SMALL = 1e-4, 0.1


def share(area: BaseGeometry, other: BaseGeometry) -> float:
    """Return which part of an area another one covers, 0 to 1. A ratio in degrees, which within a city is that on the
    ground."""
    return float(shapely.intersection(area, other).area / area.area) if area.intersects(other) else 0.0


def minus(area: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """Return what of a valid area another one does not cover."""
    if shapely.equals_identical(area, other):  # most updates go where the alert before went
        return Polygon()
    return shapely.difference(area, other) if area.intersects(other) else area


def meet(area: BaseGeometry, other: BaseGeometry, whole: BaseGeometry | None = None) -> bool:
    """Return whether two valid areas share more than slivers. `whole`: what the first one is a part of."""
    if shapely.equals_identical(area, other):
        return True
    if not area.intersects(other):
        return False
    return not without_slivers(shapely.intersection(area, other), area if whole is None else whole).is_empty


def without_slivers(shape: BaseGeometry, whole: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a shape, but those that are nowhere wider than a sliver (SLIVER_DEGREES). `whole`: the
    valid area that it is a part of; what is small of its own, such as a house, has narrower slivers."""
    parts = shapely.get_parts(shape)
    parts = parts[shapely.area(parts) > 0]
    if not parts.size:
        return Polygon()
    areas, lengths, radius = shapely.area(parts), shapely.length(parts), _sliver_radius(parts, whole)
    wide = areas > radius * lengths  # a disc fits in whose radius is area by length; so most need no more
    doubtful = np.flatnonzero(~wide & (areas > math.pi * radius**2))
    wide[doubtful] = ~shapely.is_empty(shapely.buffer(parts[doubtful], -radius[doubtful], quad_segs=2))
    kept = parts[wide].tolist()
    return kept[0] if len(kept) == 1 else MultiPolygon(kept) if kept else Polygon()


def _sliver_radius(parts: Shapes, whole: BaseGeometry) -> NDArray[np.float64]:
    """Return half of the width of a sliver in each part: it depends on the polygon of the whole that it lies in."""
    polygons = shapely.get_parts(whole)
    radius = np.minimum(SLIVER_DEGREES, SLIVER_OF_SMALL * 2 * shapely.area(polygons) / shapely.length(polygons)) / 2
    found = np.full(len(parts), radius.min())
    part, polygon = shapely.STRtree(polygons).query(shapely.point_on_surface(parts), predicate="intersects")
    found[part] = radius[polygon]
    return found
