"""Place a house number on its block, from the block's number range, and find where two streets meet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

OFFSET_M = 8.0  # from the middle of the street to its houses
ENDS = 0.03  # share of a block kept free at each end: no house is on the crossing
MEETING_M = 20.0  # lines this near to each other meet, even if the file does not join them
MOST_CROSSINGS = 20  # of two streets: where one line has two names, every corner of it is a crossing
SAME_CROSSING_M = 60.0  # crossings this near are one: a boulevard drawn as two lines is crossed twice
_M_PER_DEGREE = 111_200.0

Point = tuple[float, float]  # lon, lat


@dataclass(frozen=True, slots=True)
class Side:
    """The numbers on one side of a block, from the start of its line to the end. Left and right follow the line."""

    first: int | None
    last: int | None
    is_left: bool

    def share(self, number: int) -> float | None:
        """Return how far along the block the number is, 0 to 1, or None if it is not on this side."""
        if self.first is None or self.last is None or not self._holds(number):
            return None
        span = self.last - self.first
        return 0.5 if span == 0 else (number - self.first) / span

    def _holds(self, number: int) -> bool:
        assert self.first is not None and self.last is not None  # noqa: S101, PT018
        if not min(self.first, self.last) <= number <= max(self.first, self.last):
            return False
        mixed = (self.first - self.last) % 2 == 1  # odd and even numbers share this side
        return mixed or (number - self.first) % 2 == 0


def place_on(line: BaseGeometry, number: int, sides: Sequence[Side]) -> Point | None:
    """Return the place of a house on a block (a line in WGS 84), or None if neither side has the number."""
    for side in sides:
        share = side.share(number)
        if share is not None:
            return _beside(_one_line(line), min(max(share, ENDS), 1 - ENDS), side.is_left)
    return None


def middle(lines: Sequence[BaseGeometry]) -> Point:
    """Return a place about halfway along a street of several blocks."""
    places = shapely.get_coordinates(shapely.line_interpolate_point(np.array(lines), 0.5, normalized=True))
    lon, lat = places[np.argmin(((places - np.median(places, axis=0)) ** 2).sum(axis=1))].tolist()
    return lon, lat


def crossings(first: Sequence[BaseGeometry], second: Sequence[BaseGeometry]) -> list[Point]:
    """Return where two streets (lines in WGS 84) meet, each place once."""
    a, b = shapely.union_all(list(first)), shapely.union_all(list(second))
    if a.is_empty or b.is_empty:
        return []
    shared = shapely.intersection(a, b)
    if shared.is_empty:
        near, other = shapely.get_coordinates(shapely.shortest_line(a, b)).tolist()
        return [_between(near, other)] if metres(near, other) <= MEETING_M else []
    found: list[Point] = []
    for lon, lat in shapely.get_coordinates(shared).tolist():
        if all(metres((lon, lat), other) > SAME_CROSSING_M for other in found):
            found.append((lon, lat))
        if len(found) == MOST_CROSSINGS:
            break
    return found


def metres(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the distance between two points that are near each other."""
    east = (a[0] - b[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return math.hypot(east, a[1] - b[1]) * _M_PER_DEGREE


def _beside(line: LineString, share: float, left: bool) -> Point:
    """Return the point at this share of the line, moved to one side by OFFSET_M."""
    coordinates = shapely.get_coordinates(line)
    wide = math.cos(math.radians(coordinates[:, 1].mean()))
    flat = coordinates * (wide, 1.0)
    steps = np.hypot(*np.diff(flat, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = share * along[-1]
    piece = min(max(int(np.searchsorted(along, at, side="right")) - 1, 0), len(steps) - 1)
    length = steps[piece] or 1.0
    x, y = flat[piece] + (flat[piece + 1] - flat[piece]) * ((at - along[piece]) / length)
    dx, dy = (flat[piece + 1] - flat[piece]) / length * (OFFSET_M / _M_PER_DEGREE)
    x, y = (x - dy, y + dx) if left else (x + dy, y - dx)
    return float(x / wide), float(y)


def _one_line(line: BaseGeometry) -> LineString:
    """Return the line itself, or its longest part if it has several that do not join."""
    if isinstance(line, LineString):
        return line
    joined = shapely.line_merge(line)
    return joined if joined.geom_type == "LineString" else max(shapely.get_parts(joined), key=lambda part: part.length)


def _between(a: Sequence[float], b: Sequence[float]) -> Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
