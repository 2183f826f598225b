"""Make the strip on one side of a street that consists of many lines, in metres.

GEOS's single-sided buffer is wrong where a line turns more sharply than the buffer is wide, and does not consider the
next line. A rectangle beside each edge and a sector in each bend leave no house out.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Way: TypeAlias = NDArray[np.floating[Any]]  # points of a directed line, shape (n, 2), metres

QUARTER = 16  # pieces of a quarter circle: the edge of a disc is off by less than half a per cent of its radius
GRID_M = 0.001
SAME_M = 0.01  # ends of lines nearer than this are the same point


def on_the_left(ways: Sequence[Way], reach_m: float) -> BaseGeometry:
    """Return everything within reach on the left of the lines, at right angles to them, and around bends."""
    ways = [_without_repeats(way) for way in ways]
    ways = [way for way in ways if len(way) > 1]
    pieces = [piece for way in ways for piece in _along(way, reach_m)]
    starts: dict[tuple[int, int], list[Way]] = {}
    for way in ways:
        starts.setdefault(_node(way[0]), []).append(way)
    for way in ways:
        for on in starts.get(_node(way[-1]), ()):
            if not _is_reverse(way, on):
                pieces += _bend(way[-1], way[-1] - way[-2], on[1] - on[0], reach_m)
    united: BaseGeometry = shapely.union_all(pieces, grid_size=GRID_M)  # the grid avoids hairline gaps
    return united


def _along(way: Way, reach_m: float) -> Iterator[BaseGeometry]:
    steps = np.diff(way, axis=0)
    out = reach_m * _left_of(steps)
    corners = np.stack([way[:-1], way[1:], way[1:] + out, way[:-1] + out, way[:-1]], axis=1)
    yield from shapely.polygons(corners)
    for at, before, after in zip(way[1:-1], steps[:-1], steps[1:], strict=True):
        yield from _bend(at, before, after, reach_m)


def _bend(at: Way, before: Way, after: Way, reach_m: float) -> list[BaseGeometry]:
    """Return the sector on the left of a right turn."""
    turn = math.atan2(before[0] * after[1] - before[1] * after[0], float(before @ after))
    if turn >= 0:
        return []
    first = math.atan2(*_left_of(before)[::-1])
    angles = np.linspace(first, first + turn, 2 + int(-turn / (math.pi / 2) * QUARTER))
    rim = at + reach_m * np.column_stack([np.cos(angles), np.sin(angles)])
    return [shapely.Polygon([at, *rim])]


def _left_of(steps: Way) -> Way:
    """Return unit vectors at right angles to the left."""
    turned = np.stack([-steps[..., 1], steps[..., 0]], axis=-1)
    unit: Way = turned / np.linalg.norm(turned, axis=-1, keepdims=True)
    return unit


def _without_repeats(way: Way) -> Way:
    moved = np.concatenate([[True], (np.diff(way, axis=0) != 0).any(axis=1)])
    kept: Way = way[moved]
    return kept


def _is_reverse(way: Way, other: Way) -> bool:
    """Return whether it is the other side of the same line: the strip has no bend at the end of a street."""
    return way.shape == other.shape and np.array_equal(way, other[::-1])


def _node(point: Way) -> tuple[int, int]:
    return round(float(point[0]) / SAME_M), round(float(point[1]) / SAME_M)
