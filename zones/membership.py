"""Test which of many points are inside an area: exactly, and fast for polygons of any size.

A point on a boundary is inside, a point in a hole is not, a point on the edge of a hole is. A point with a radius is
inside when its disc touches the area, in metres.
"""

from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from zones.geometry import in_metres, metric_crs

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

# A grid helps with many vertices and many points: no point is tested in cells that lie wholly inside or outside. Below
# these sizes testing against the polygon itself is faster.
GRID_VERTICES = 1_000
GRID_POINTS = 20_000
GRID_CELLS = 96  # along each side
METRES_PER_DEGREE = 110_000.0  # of latitude, rounded down, so that a search finds too much rather than too little


class Membership:
    """An area prepared for many tests. `bounds` is (west, south, east, north)."""

    def __init__(self, area: BaseGeometry) -> None:
        self._area = area
        self._vertices = int(shapely.get_num_coordinates(area))
        self.bounds: tuple[float, float, float, float] = area.bounds
        shapely.prepare(area)

    def inside(self, lon: Floats, lat: Floats, radius_m: Floats | None = None) -> Bools:
        """Return whether each point is inside. `radius_m`: the radius of its disc, 0 for the point itself."""
        lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        answer = np.zeros(lon.shape, dtype=bool)
        near = self._near(lon, lat, 0.0)
        if self._vertices > GRID_VERTICES and near.size > GRID_POINTS:
            answer[near] = self._by_grid(lon[near], lat[near])
        else:
            answer[near] = shapely.intersects_xy(self._area, lon[near], lat[near])
        if radius_m is not None:
            # An unknown radius (NaN) counts as 0; otherwise the maximum would be NaN and no disc would be tested.
            radius = np.nan_to_num(np.asarray(radius_m, dtype=np.float64), nan=0.0)
            near = self._near(lon, lat, float(radius.max(initial=0.0)))
            discs = self._worth_measuring(
                lon, lat, near[(radius[near] > 0) & ~answer[near]], float(radius.max(initial=0.0))
            )
            if discs.size:
                answer[discs] = self._touched(lon[discs], lat[discs], radius[discs])
        return answer

    def _near(self, lon: Floats, lat: Floats, reach_m: float) -> NDArray[np.intp]:
        """Return the indices of the points within the bounds, widened by a distance."""
        west, south, east, north = self.bounds
        aside, up = self._degrees(reach_m)
        inside = (lon >= west - aside) & (lon <= east + aside) & (lat >= south - up) & (lat <= north + up)
        return np.flatnonzero(inside)

    def _by_grid(self, lon: Floats, lat: Floats) -> Bools:
        """Test points within the bounds: by their cell if it decides, else one by one."""
        grid, whole, undecided = self._cells
        cell = grid.cell_of(lon, lat)
        answer: Bools = whole[cell]
        tested = np.flatnonzero(undecided[cell])
        answer[tested] = shapely.intersects_xy(self._area, lon[tested], lat[tested])
        return answer

    def _worth_measuring(self, lon: Floats, lat: Floats, points: NDArray[np.intp], reach_m: float) -> NDArray[np.intp]:
        """Return the points that may be within reach: this check takes a tenth of the time of measuring in metres."""
        if points.size <= GRID_POINTS:
            return points
        aside, up = self._degrees(reach_m)
        west, south, east, north = self.bounds
        grid = _Grid((west - aside, south - up, east + aside, north + up))
        in_reach: Bools = shapely.dwithin(self._area, grid.cells, aside)
        return points[in_reach[grid.cell_of(lon[points], lat[points])]]

    def _degrees(self, reach_m: float) -> tuple[float, float]:
        """Return at least this distance in degrees of longitude and of latitude, anywhere in the area."""
        _, south, _, north = self.bounds
        up = reach_m / METRES_PER_DEGREE
        poleward = min(max(abs(south), abs(north)) + up, 89.0)
        return float(up / np.cos(np.radians(poleward))), up

    def _touched(self, lon: Floats, lat: Floats, radius_m: Floats) -> Bools:
        to_metres, area = self._metric
        x, y = to_metres.transform(lon, lat)
        touches: Bools = shapely.dwithin(area, shapely.points(x, y), radius_m)
        return touches

    @cached_property
    def _metric(self) -> tuple[Transformer, BaseGeometry]:
        crs = metric_crs(self._area)
        area = in_metres(self._area, crs)
        shapely.prepare(area)
        return Transformer.from_crs("EPSG:4326", crs, always_xy=True), area

    @cached_property
    def _cells(self) -> tuple["_Grid", Bools, Bools]:
        """A grid over the bounds, its cells that are wholly inside, and its cells that the boundary crosses."""
        grid = _Grid(self.bounds)
        undecided: Bools = shapely.intersects(self._area, grid.cells)
        whole = np.zeros_like(undecided)
        whole[undecided] = shapely.contains_properly(self._area, grid.cells[undecided])
        return grid, whole, undecided & ~whole


class _Grid:
    """A box divided into cells, row by row from the south-west."""

    def __init__(self, bounds: tuple[float, float, float, float]) -> None:
        west, south, east, north = bounds
        self._columns = np.linspace(west, east, GRID_CELLS + 1)
        self._rows = np.linspace(south, north, GRID_CELLS + 1)
        left, bottom = (edges.ravel() for edges in np.meshgrid(self._columns[:-1], self._rows[:-1]))
        right, top = (edges.ravel() for edges in np.meshgrid(self._columns[1:], self._rows[1:]))
        self.cells = shapely.box(left, bottom, right, top)

    def cell_of(self, lon: Floats, lat: Floats) -> NDArray[np.intp]:
        """Return each point's cell. It uses the edges that made the cells, so that rounding cannot pick another one."""
        column = np.clip(np.searchsorted(self._columns, lon, side="right") - 1, 0, GRID_CELLS - 1)
        row = np.clip(np.searchsorted(self._rows, lat, side="right") - 1, 0, GRID_CELLS - 1)
        cell: NDArray[np.intp] = row * GRID_CELLS + column
        return cell
