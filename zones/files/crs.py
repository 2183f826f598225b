"""Coordinate systems: which one a file is in, whether its numbers can be in that, and its shapes in WGS 84."""

import re

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError

from zones.errors import ZoneError, one_line
from zones.geometry import NO_NUMBER

_NAME = re.compile(r"[\w:./()+ -]{1,100}")  # no PROJ string or WKT: those can name files on this machine
# What names a file on this machine, in PROJ, WKT 1 and WKT 2.
_FILE = re.compile(
    r"grids=(?!@null[\s\"+]|@null$)|proj4_grids|parameterfile|\b(?:file|model)=|proj=(?:tinshift|defmodel)|init=(?!epsg:)",
    re.IGNORECASE,
)
WGS84 = pyproj.CRS.from_epsg(4326)
USE_MARGIN_DEGREES = 2.0  # how far beside the area that a coordinate system is made for a zone may lie


def known(name: str) -> pyproj.CRS:
    """Raises ZoneError when there is no such coordinate system."""
    try:
        if _NAME.fullmatch(name):
            return pyproj.CRS.from_user_input(name)
    except CRSError:
        pass
    raise ZoneError(f"There is no coordinate system {name[:60]!r}.", hint="Name it like EPSG:2272.")


def agreed(own: pyproj.CRS | None, given: pyproj.CRS | None, default: pyproj.CRS | None) -> pyproj.CRS:
    """The one that was said, the file's own, or what its format means. Raises ZoneError where all are missing."""
    if own is not None and "undefined" in own.name.lower():  # GeoPackage 1.3, section 1.1.2.1: srs_id -1 and 0
        own = None
    if own is not None and _FILE.search(own.srs):
        raise ZoneError("Its coordinate system names a file of shifts, which is not read.", hint="Export in EPSG:4326.")
    found = next((one for one in (given, own, default) if one is not None), None)
    if found is None:
        raise ZoneError(
            "It does not say its coordinate system (in a Shapefile, the .prj file does).",
            hint="Say it, such as --crs EPSG:4326.",
        )
    return found


def overruled(own: pyproj.CRS | None, given: pyproj.CRS | None) -> tuple[str, ...]:
    """What to report where the one that was said wins over another one in the file."""
    if own is None or given is None or own.equals(given, ignore_axis_order=True):
        return ()
    return (f"It says that it is in {name_of(own)}; read in {name_of(given)}, as --crs says",)


def doubts(crs: pyproj.CRS, placed: gpd.GeoDataFrame) -> tuple[str, ...]:
    """A question where all of it lies outside the area that a projection is made for, although near it."""
    if not crs.is_projected or not _far_off(crs, placed.total_bounds, 0.0):
        return ()
    used = "" if crs.area_of_use is None else f" ({one_line(str(crs.area_of_use.name))})"
    return (f"All of it lies outside the area that {name_of(crs)} is made for{used}.",)


def name_of(crs: pyproj.CRS) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else one_line(str(crs.name))


def in_wgs84(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The shapes in degrees. A coordinate system that cannot be that of these numbers is found out here."""
    if frame.crs.equals(WGS84, ignore_axis_order=True):
        return frame
    no_map = ZoneError(
        f"{name_of(frame.crs)} cannot be turned into longitude and latitude.",
        hint="Export the file in another one, best in EPSG:4326.",
    )
    if not (frame.crs.is_geographic or frame.crs.is_projected):  # heights, or metres from the middle of the earth
        raise no_map
    # A projection would make a valid place of a number that stands for none; as it is, whoever looks refuses it.
    no_places = (np.abs(shapely.bounds(frame.geometry.array)) >= NO_NUMBER).any(axis=1)
    try:
        moved = frame.geometry.mask(no_places).to_crs(WGS84)
    except (ProjError, CRSError):
        raise no_map from None
    placed = frame[~no_places]
    if len(placed) and (_are_degrees(placed) or _far_off(frame.crs, moved.total_bounds)):
        raise ZoneError(
            f"Its coordinates cannot be in {name_of(frame.crs)}: they lie far from where that is used.",
            hint="Say the right one with --crs, which wins over the file, or --swap-axes if y comes before x.",
        )
    return frame.set_geometry(moved.where(~no_places, frame.geometry.set_crs(WGS84, allow_override=True)))


def swapped(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """For a file that has latitude before longitude, or northing before easting."""
    turned = shapely.transform(shapely.force_2d(frame.geometry.array), lambda xy: xy[:, ::-1])
    return frame.set_geometry(gpd.GeoSeries(turned, index=frame.index, crs=frame.crs))


def _are_degrees(frame: gpd.GeoDataFrame) -> bool:
    """Degrees said to be metres or feet: all of it within a stone's throw of the origin of a projection."""
    west, south, east, north = frame.total_bounds
    return bool(frame.crs.is_projected and west >= -180 and east <= 180 and south >= -90 and north <= 90)


def _far_off(crs: pyproj.CRS, bounds: NDArray[np.float64], margin: float = USE_MARGIN_DEGREES) -> bool:
    """Whether nothing of it is near the part of the world that a projection is made for."""
    if np.isinf(bounds).any():
        return True
    used = crs.area_of_use
    if used is None or not crs.is_projected or used.west > used.east:
        return False
    west, south, east, north = bounds
    return bool(
        north < used.south - margin
        or south > used.north + margin
        or east < used.west - margin
        or west > used.east + margin
    )
