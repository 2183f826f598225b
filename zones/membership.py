"""Which of many points are inside an area: exactly, and quickly for polygons of any size.

Points on a boundary are inside, points in a hole are not (but the hole's edge is). A point with a radius is inside when
its disc touches the area, in metres.
"""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from zones.geometry import in_metres, metric_crs

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

# A grid pays when a polygon has many vertices and there are many points: in cells that lie wholly inside or outside no
# point is tested. Below these sizes the polygon itself is quicker.
GRID_VERTICES = 1_000
GRID_POINTS = 20_000
GRID_CELLS = 96  # along each side


class Membership:
    """An area, made ready for many questions. `bounds` is (west, south, east, north)."""

    def __init__(self, area: BaseGeometry) -> None:
        self._area = area
        self._vertices = int(shapely.get_num_coordinates(area))
        self.bounds: tuple[float, float, float, float] = area.bounds
        shapely.prepare(area)

    def inside(self, lon: Floats, lat: Floats, radius_m: Floats | None = None) -> Bools:
        """One answer for each point. `radius_m`: of its disc, 0 for the point itself."""
        lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        west, south, east, north = self.bounds
        answer = np.zeros(lon.shape, dtype=bool)
        near = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
        if self._vertices > GRID_VERTICES and near.size > GRID_POINTS:
            answer[near] = self._by_grid(lon[near], lat[near])
        else:
            answer[near] = shapely.intersects_xy(self._area, lon[near], lat[near])
        if radius_m is not None:
            discs = np.flatnonzero((np.asarray(radius_m) > 0) & ~answer)
            if discs.size:
                answer[discs] = self._discs(lon[discs], lat[discs], np.asarray(radius_m, dtype=np.float64)[discs])
        return answer

    def _by_grid(self, lon: Floats, lat: Floats) -> Bools:
        """Points in the bounds: by their cell where that decides, else one by one."""
        west, south, east, north = self.bounds
        columns = np.linspace(west, east, GRID_CELLS + 1)
        rows = np.linspace(south, north, GRID_CELLS + 1)
        left, bottom = (edges.ravel() for edges in np.meshgrid(columns[:-1], rows[:-1]))
        right, top = (edges.ravel() for edges in np.meshgrid(columns[1:], rows[1:]))
        cells = shapely.box(left, bottom, right, top)
        touched = shapely.intersects(self._area, cells)
        whole = np.zeros(touched.shape, dtype=bool)
        whole[touched] = shapely.contains_properly(self._area, cells[touched])
        # The same edges that made the cells, so that rounding cannot put a point beside its cell.
        column = np.clip(np.searchsorted(columns, lon, side="right") - 1, 0, GRID_CELLS - 1)
        row = np.clip(np.searchsorted(rows, lat, side="right") - 1, 0, GRID_CELLS - 1)
        cell = row * GRID_CELLS + column
        answer: Bools = whole[cell]
        open_ = np.flatnonzero(touched[cell] & ~answer)
        answer[open_] = shapely.intersects_xy(self._area, lon[open_], lat[open_])
        return answer

    def _discs(self, lon: Floats, lat: Floats, radius_m: Floats) -> Bools:
        crs = metric_crs(self._area)
        x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
        area = in_metres(self._area, crs)
        shapely.prepare(area)
        touches: Bools = shapely.dwithin(area, shapely.points(x, y), radius_m)
        return touches
