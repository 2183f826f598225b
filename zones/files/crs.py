"""Coordinate systems: find that of a file, check that its coordinates fit it, and convert its shapes to WGS 84."""

import re

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError

from zones.errors import ZoneError, one_line
from zones.geometry import NO_NUMBER

_NAME = re.compile(r"[\w:./()+ -]{1,100}")  # no PROJ string or WKT, which can name files on this machine
# The parameters that name a file on this machine, in PROJ, WKT 1 and WKT 2.
_FILE = re.compile(
    r"grids=(?!@null[\s\"+]|@null$)|proj4_grids|parameterfile|\b(?:file|model)=|proj=(?:tinshift|defmodel)|init=(?!epsg:)",
    re.IGNORECASE,
)
WGS84 = pyproj.CRS.from_epsg(4326)
USE_MARGIN_DEGREES = 2.0  # how far a zone may lie outside a coordinate system's area of use


def known(name: str) -> pyproj.CRS:
    """Return the coordinate system of this name. Raises ZoneError if there is none."""
    try:
        if _NAME.fullmatch(name):
            return pyproj.CRS.from_user_input(name)
    except CRSError:
        pass
    raise ZoneError(f"There is no coordinate system {name[:60]!r}.", hint="Name it like EPSG:2272.")


def agreed(own: pyproj.CRS | None, given: pyproj.CRS | None, default: pyproj.CRS | None) -> pyproj.CRS:
    """Return the coordinate system given, else the file's own, else the format's default. Raises ZoneError if none."""
    if own is not None and "undefined" in own.name.lower():  # GeoPackage 1.3, section 1.1.2.1: srs_id -1 and 0
        own = None
    if own is not None and _FILE.search(own.srs):
        raise ZoneError("Its coordinate system names a grid file, which is not read.", hint="Export it in EPSG:4326.")
    found = next((one for one in (given, own, default) if one is not None), None)
    if found is None:
        raise ZoneError(
            "It does not name its coordinate system (in a Shapefile, the .prj file does).",
            hint="Name it, such as --crs EPSG:4326.",
        )
    return found


def overruled(own: pyproj.CRS | None, given: pyproj.CRS | None) -> tuple[str, ...]:
    """Return a note if the coordinate system given overrides another one in the file."""
    if own is None or given is None or own.equals(given, ignore_axis_order=True):
        return ()
    return (f"the file declares {name_of(own)}, but it was read in {name_of(given)} as given with --crs",)


def doubts(crs: pyproj.CRS, placed: gpd.GeoDataFrame) -> tuple[str, ...]:
    """Return a doubt if everything lies outside a projection's area of use, although near it."""
    if not crs.is_projected or not _far_off(crs, placed.total_bounds, 0.0):
        return ()
    used = "" if crs.area_of_use is None else f" ({one_line(str(crs.area_of_use.name))})"
    return (f"All of it lies outside the area that {name_of(crs)} is made for{used}.",)


def name_of(crs: pyproj.CRS) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else one_line(str(crs.name))


def in_wgs84(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Convert the shapes to degrees. Raises ZoneError if the coordinates cannot be in the coordinate system."""
    if frame.crs.equals(WGS84, ignore_axis_order=True):
        return frame
    no_map = ZoneError(
        f"{name_of(frame.crs)} cannot be converted to longitude and latitude.",
        hint="Export the file in another one, best in EPSG:4326.",
    )
    if not (frame.crs.is_geographic or frame.crs.is_projected):  # heights, or metres from the earth's centre
        raise no_map
    # Projecting a number that stands for "missing" would give a valid place; unprojected it is refused later.
    no_places = (np.abs(shapely.bounds(frame.geometry.array)) >= NO_NUMBER).any(axis=1)
    try:
        moved = frame.geometry.mask(no_places).to_crs(WGS84)
    except (ProjError, CRSError):
        raise no_map from None
    placed = frame[~no_places]
    if len(placed) and (_are_degrees(placed) or _far_off(frame.crs, moved.total_bounds)):
        raise ZoneError(
            f"Its coordinates cannot be in {name_of(frame.crs)}: they lie far from where that is used.",
            hint="Give the right one with --crs, which overrides the file, or add --swap-axes if y comes before x.",
        )
    return frame.set_geometry(moved.where(~no_places, frame.geometry.set_crs(WGS84, allow_override=True)))


def swapped(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Swap the axes of a file that has latitude before longitude, or northing before easting."""
    turned = shapely.transform(shapely.force_2d(frame.geometry.array), lambda xy: xy[:, ::-1])
    return frame.set_geometry(gpd.GeoSeries(turned, index=frame.index, crs=frame.crs))


def _are_degrees(frame: gpd.GeoDataFrame) -> bool:
    """Return whether degrees are declared as metres or feet: everything is very near the origin of a projection."""
    west, south, east, north = frame.total_bounds
    return bool(frame.crs.is_projected and west >= -180 and east <= 180 and south >= -90 and north <= 90)


def _far_off(crs: pyproj.CRS, bounds: NDArray[np.float64], margin: float = USE_MARGIN_DEGREES) -> bool:
    """Return whether nothing is near a projection's area of use."""
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
