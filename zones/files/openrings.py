"""Close the open rings of polygons in WKB, which GEOS refuses."""

import struct

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from zones.geojson import Gap

POLYGON, MULTIPOLYGON = 3, 6  # OGC 06-103r4, section 8.2.7; plus 1000 with Z, 2000 with M, 3000 with both
_HAS_Z, _HAS_M, _HAS_SRID = 0x80000000, 0x40000000, 0x20000000  # flags of the older form that PostGIS and GDAL write


def close(wkb: bytes) -> tuple[BaseGeometry, tuple[Gap, ...]] | None:
    """Return a polygon or multipolygon with closed rings, without heights, and its gaps; None for anything else."""
    reader = _Reader(wkb)
    try:
        shape = reader.shape()
    except (struct.error, ValueError, RecursionError, ShapelyError):
        return None
    return shape, tuple(reader.gaps)


class _Reader:
    def __init__(self, wkb: bytes) -> None:
        self._wkb = wkb
        self._at = 0
        self.gaps: list[Gap] = []

    def shape(self) -> BaseGeometry:
        """Read the geometry that begins here. Raises struct.error, ValueError or ShapelyError for invalid bytes."""
        order = "<" if self._take("<B") else ">"
        kind = self._take(f"{order}I")
        if kind & _HAS_SRID:
            self._take(f"{order}I")
        thousands, plain = divmod(kind & 0x0FFFFFFF, 1000)
        width = 2 + bool(kind & _HAS_Z or thousands in (1, 3)) + bool(kind & _HAS_M or thousands in (2, 3))
        count = self._take(f"{order}I")
        if plain == POLYGON:
            shell, *holes = [self._ring(order, width) for _ in range(count)]
            return shapely.Polygon(shell, holes)
        if plain == MULTIPOLYGON:
            return shapely.MultiPolygon([self.shape() for _ in range(count)])
        raise ValueError("not a polygon")

    def _ring(self, order: str, width: int) -> NDArray[np.float64]:
        count = self._take(f"{order}I")
        numbers = np.frombuffer(self._wkb, f"{order}f8", count * width, self._at)  # ValueError if the data is too short
        self._at += numbers.nbytes
        if not count:
            raise ValueError("an empty ring")
        ring: NDArray[np.float64] = numbers.reshape(-1, width)[:, :2].astype(np.float64)
        (last_x, last_y), (first_x, first_y) = ring[-1].tolist(), ring[0].tolist()
        if (last_x, last_y) == (first_x, first_y):
            return ring
        self.gaps.append(((last_x, last_y), (first_x, first_y)))
        return np.vstack([ring, ring[:1]])

    def _take(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._wkb, self._at)
        self._at += struct.calcsize(form)
        return int(value)
