"""Files of zones opened: each format has a reader that makes a table of shapes of it. The table is in WGS 84.

Files may come from anybody: only the readers below look at them, and none follows an address that a file names.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry

from zones import geojson, shapefile
from zones.errors import ZoneError, one_line
from zones.geometry import is_wgs84

MAX_GEOJSON_BYTES = 256 * 1024 * 1024
MAX_CELLS = 5_000_000  # features by fields: a field of its own for each feature would fill the memory
_CRS_NAME = re.compile(r"[\w:./()+ -]{1,100}")  # no PROJ string or WKT: those can name files on this machine
WGS84 = pyproj.CRS.from_epsg(4326)
USE_MARGIN_DEGREES = 2.0  # how far beside the area that a coordinate system is made for a zone may lie


@dataclass(frozen=True, slots=True)
class Table:
    """Shapes in WGS 84 with their attributes, a row each. `notes` are by row: what the reader itself mended."""

    frame: gpd.GeoDataFrame
    fields: tuple[str, ...]
    crs: str  # that of the file, as EPSG:n where it has a number
    notes: dict[int, str]

    @property
    def shapes(self) -> list[BaseGeometry | None]:
        listed: list[BaseGeometry | None] = self.frame.geometry.tolist()
        return listed


def open_table(path: Path, layer: str | None, crs: str | None) -> Table:
    """Raises ZoneError when the file is of no kind that we read, or cannot be read, or not be placed on the map."""
    if not path.is_file():
        raise ZoneError("There is no such file.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ZoneError("Files of this kind cannot be imported.", hint=f"Give one of: {', '.join(READERS)}.")
    given = None if crs is None else _known_crs(crs)
    try:
        frame, notes = reader(path, layer, given)
    except OSError as error:
        raise ZoneError(f"It cannot be read: {error.strerror or 'the disk or the file is damaged'}.") from None
    if frame.empty:
        raise ZoneError("It holds no features.")
    names = tuple(str(column) for column in frame.columns if column != frame.geometry.name)
    return Table(_to_wgs84(frame), names, _crs_name(frame.crs), notes)


def _read_geojson(path: Path, layer: str | None, given: pyproj.CRS | None) -> tuple[gpd.GeoDataFrame, dict[int, str]]:
    if layer is not None:
        raise ZoneError("A GeoJSON file has no layers.", hint="Leave --layer out.")
    if path.stat().st_size > MAX_GEOJSON_BYTES:
        raise ZoneError(f"It is larger than {MAX_GEOJSON_BYTES // 1024**2} MB.", hint="Simplify or split it.")
    document = geojson.load(path.read_bytes())
    declared = geojson.declared_crs(document)
    own = None if declared is None else WGS84 if is_wgs84(declared) else _known_crs(declared)
    found = geojson.features(document)
    notes: dict[int, str] = {}
    shapes: list[BaseGeometry | None] = []
    for row, feature in enumerate(found):
        shapes.append(_shape(feature.number, feature.geometry))
        if feature.geometry is not None and geojson.open_rings(feature.geometry):
            notes[row] = "closed an open ring"
    names = dict.fromkeys(name for feature in found for name in feature.properties if name != "geometry")
    if len(names) * len(found) > MAX_CELLS:
        raise ZoneError(f"Its {len(found)} features have {len(names)} different fields.", hint="Leave most fields out.")
    columns = {name: [feature.properties.get(name) for feature in found] for name in names}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=_agreed(own, given) or WGS84), notes  # RFC 7946, section 4


def _shape(number: int, geometry: Mapping[str, Any] | None) -> BaseGeometry | None:
    try:
        return None if geometry is None else geojson.to_shape(geometry)
    except ZoneError as error:
        raise ZoneError(f"Feature {number}: {error.message}", hint=error.hint) from None


def _read_shapefile(path: Path, layer: str | None, given: pyproj.CRS | None) -> tuple[gpd.GeoDataFrame, dict[int, str]]:
    frame = shapefile.read_zip(path, layer)
    crs = _agreed(frame.crs, given)
    if crs is None:
        raise ZoneError(
            "It does not say its coordinate system (no .prj file that can be read).",
            hint="Say it, such as --crs EPSG:4326.",
        )
    return frame.set_crs(crs, allow_override=True), {}


Reader = Callable[[Path, str | None, pyproj.CRS | None], tuple[gpd.GeoDataFrame, dict[int, str]]]
READERS: dict[str, Reader] = {".geojson": _read_geojson, ".json": _read_geojson, ".zip": _read_shapefile}


def _known_crs(name: str) -> pyproj.CRS:
    try:
        if _CRS_NAME.fullmatch(name):
            return pyproj.CRS.from_user_input(name)
    except CRSError:
        pass
    raise ZoneError(f"There is no coordinate system {name[:60]!r}.", hint="Name it like EPSG:2272.")


def _agreed(own: pyproj.CRS | None, given: pyproj.CRS | None) -> pyproj.CRS | None:
    if own is not None and given is not None and not own.equals(given, ignore_axis_order=True):
        raise ZoneError(
            f"It says that it is in {_crs_name(own)}, and --crs says {_crs_name(given)}.", hint="Leave --crs out."
        )
    return own if own is not None else given


def _crs_name(crs: pyproj.CRS) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else one_line(str(crs.name))


def _to_wgs84(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The shapes in degrees. A coordinate system that cannot be that of these numbers is found out here."""
    if frame.crs.equals(WGS84, ignore_axis_order=True):
        return frame
    no_map = ZoneError(f"{_crs_name(frame.crs)} cannot be turned into longitude and latitude.")
    if not (frame.crs.is_geographic or frame.crs.is_projected):  # heights, or metres from the middle of the earth
        raise no_map
    try:
        moved = frame.to_crs(WGS84)
    except (ProjError, CRSError):
        raise no_map from None
    if _are_degrees(frame) or _far_off(frame.crs, moved.total_bounds):
        raise ZoneError(
            f"Its coordinates cannot be in {_crs_name(frame.crs)}: they lie far from where that is used.",
            hint="Say the right one with --crs, or correct the file.",
        )
    return moved


def _are_degrees(frame: gpd.GeoDataFrame) -> bool:
    """Degrees said to be metres or feet: all of it within a stone's throw of the origin of a projection."""
    west, south, east, north = frame.total_bounds
    return bool(frame.crs.is_projected and west >= -180 and east <= 180 and south >= -90 and north <= 90)


def _far_off(crs: pyproj.CRS, bounds: NDArray[np.float64]) -> bool:
    """Whether nothing of it is near the part of the world that a projection is made for."""
    if np.isinf(bounds).any():
        return True
    used, margin = crs.area_of_use, USE_MARGIN_DEGREES
    if used is None or not crs.is_projected or used.west > used.east:
        return False
    west, south, east, north = bounds
    return bool(
        north < used.south - margin
        or south > used.north + margin
        or east < used.west - margin
        or west > used.east + margin
    )
