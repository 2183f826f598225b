"""Refuse lines that cross themselves so often that repairing them would take all memory.

A ring through two thousand random points is a file of 34 kB and has 700,000 crossings. GEOS needs half a minute and a
gigabyte to make a polygon of it.
"""

from typing import Literal, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from zones.errors import ZoneError

Edges: TypeAlias = NDArray[np.object_]

MOST = 50_000  # crossings, which are repaired in about a second
# Pairs tested at once, in the worst case that every edge meets all others: of boxes, and of edges.
BOXES, PAIRS = 20_000_000, 1_000_000


def refuse(shape: BaseGeometry) -> None:
    """Raise ZoneError when the edges of a shape cross more than MOST times, not counting neighbours."""
    edges = _edges(shape)
    tree = shapely.STRtree(edges)
    # The boxes around the edges are enough for most shapes, in a tenth of the time.
    if all(_meet_too_often(tree, edges, how) for how in (None, "intersects")):
        raise ZoneError("Its lines cross each other too often.", hint="Simplify it, or draw it again.")


def _meet_too_often(tree: shapely.STRtree, edges: Edges, how: Literal["intersects"] | None) -> bool:
    met, at_once = 0, max(1, (PAIRS if how else BOXES) // max(1, len(edges)))
    for start in range(0, len(edges), at_once):
        several = edges[start : start + at_once]
        met += tree.query(several, predicate=how).shape[1] - 3 * len(several)  # the edge itself and two neighbours
        if met > 2 * MOST:  # each crossing is counted for both edges
            return True
    return False


def _edges(shape: BaseGeometry) -> Edges:
    parts = shapely.get_parts(shape)
    lines = shapely.get_rings(parts) if "Polygon" in shape.geom_type else parts
    pairs = [np.stack([xy[:-1], xy[1:]], axis=1) for xy in map(shapely.get_coordinates, lines) if len(xy) > 1]
    edges: Edges = shapely.linestrings(np.concatenate(pairs) if pairs else np.empty((0, 2, 2)))
    return edges
