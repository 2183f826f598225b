"""Make vector tiles: cut shapes in WGS 84 to a square of the web map and write them as Mapbox Vector Tiles 2.1.

The world in Mercator is one tile at zoom 0; each zoom divides every tile into four. The units of a tile run from 0 to
`EXTENT`, x to the east and y to the south, and it is drawn 512 pixels wide.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mapbox_vector_tile
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

MIN_ZOOM, MAX_ZOOM = 8, 15  # from a whole county to single houses; the browser enlarges the last one further
EXTENT = 4096
UNITS_PER_PIXEL = EXTENT / 512
BUFFER = 80  # units drawn beyond the edge, so that outlines and wide lines have no seams between tiles
DETAIL = UNITS_PER_PIXEL / 4  # smaller details are not visible
MAX_LATITUDE = 85.0511  # the edge of the Mercator square

Shapes = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Tile:
    z: int
    x: int
    y: int

    @property
    def exists(self) -> bool:
        return MIN_ZOOM <= self.z <= MAX_ZOOM and 0 <= self.x < 2**self.z and 0 <= self.y < 2**self.z

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees, with the buffer."""
        margin, across = BUFFER / EXTENT, 2**self.z
        west, east = ((self.x + edge) / across * 360 - 180 for edge in (-margin, 1 + margin))
        north, south = (_latitude((self.y + edge) / across) for edge in (-margin, 1 + margin))
        return west, south, east, north

    @property
    def degrees_per_pixel(self) -> float:
        """Degrees of longitude per pixel."""
        return float(360 / 2**self.z / 512)

    def fit(self, shapes: Shapes) -> Shapes:
        """Cut shapes to the tile, in its units and without invisible details; empty where nothing is left.

        Polygons are oriented as MVT requires (specification 2.1, section 4.3.4.4): the outer ring first and clockwise
        on the screen.
        """
        cut = shapely.clip_by_rect(shapes, *self.bounds)
        flat = shapely.simplify(shapely.transform(cut, self._units), DETAIL, preserve_topology=False)
        whole = shapely.transform(flat, np.rint)
        return np.asarray(shapely.orient_polygons(whole), dtype=object)

    def holds(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points lie in the tile without its buffer, so that each label is in one tile only."""
        units = self._units(np.column_stack([lon, lat]))
        held: NDArray[np.bool_] = np.all((units >= 0) & (units < EXTENT), axis=1)
        return held

    def _units(self, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        units: NDArray[np.float64] = (mercator(degrees) * 2**self.z - (self.x, self.y)) * EXTENT
        return units


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of a tile. `shape` is in the tile's units."""

    shape: BaseGeometry
    properties: Mapping[str, str | int]
    id: int | None = None


def encode(layers: Mapping[str, Sequence[Feature]]) -> bytes:
    """Encode a tile of these layers. Return b"" if all of them are empty."""
    written: list[dict[str, Any]] = [
        {
            "name": name,
            "features": [{"geometry": one.shape, "properties": one.properties, "id": one.id} for one in features],
        }
        for name, features in layers.items()
        if features
    ]
    if not written:
        return b""
    # `Tile.fit` has oriented the rings.
    options = {"y_coord_down": True, "extents": EXTENT, "check_winding_order": False}
    return bytes(mapbox_vector_tile.encode(written, default_options=options))


def mercator(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return degrees as shares of the world, from 0 in the west and the north to 1 in the east and the south."""
    latitude = np.radians(np.clip(degrees[:, 1], -MAX_LATITUDE, MAX_LATITUDE))
    return np.column_stack([(degrees[:, 0] + 180) / 360, (1 - np.arcsinh(np.tan(latitude)) / math.pi) / 2])


def tile_at(z: int, lon: float, lat: float) -> Tile:
    """Return the tile of this zoom in which a point lies."""
    x, y = np.minimum(np.floor(mercator(np.array([[lon, lat]]))[0] * 2**z), 2**z - 1).astype(int)
    return Tile(z, int(x), int(y))


def _latitude(y: float) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y))))
