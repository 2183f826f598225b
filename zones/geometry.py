"""Shapes: GeoJSON and WKB to valid polygons and back, their hash, and metres.

All shapes are WGS 84, longitude first, and polygons or multipolygons.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import shapely
from pyproj import CRS, Transformer
from shapely.geometry import MultiPolygon, Point, Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

from zones.errors import ZoneError

Area = Polygon | MultiPolygon

HASH_GRID = 1e-9  # degrees, about a tenth of a millimetre: rounding noise does not change a hash


def parse_area(document: Mapping[str, Any] | str | bytes) -> Area:
    """A GeoJSON geometry, feature or feature collection (RFC 7946) as one valid area; several parts are united.

    Raises ZoneError when it is no GeoJSON, has no polygon, or lies outside the world.
    """
    if isinstance(document, str | bytes):
        try:
            document = json.loads(document)
        except ValueError:
            raise ZoneError("This is not JSON.", hint="Give a GeoJSON polygon.") from None
    if not isinstance(document, Mapping):
        raise ZoneError("This is not GeoJSON.", hint="Give a GeoJSON polygon.")
    _refuse_other_crs(document)
    parts = [_polygon(part) for part in _geometries(document)]
    if not parts:
        raise ZoneError("There is no polygon in it.", hint="Draw an area, or name a zone.")
    return clean(shapely.union_all(parts))[0]


def clean(geometry: BaseGeometry) -> tuple[Area, tuple[str, ...]]:
    """The same area as a valid (multi)polygon without Z, and what was mended, a sentence each.

    Raises ZoneError when no area is left or it lies outside the world.
    """
    mended = []
    if geometry.has_z:
        geometry = shapely.force_2d(geometry)
    if geometry.is_empty:
        raise ZoneError("It is empty.")
    _within_world(geometry)
    if not geometry.is_valid:
        reason = shapely.is_valid_reason(geometry).split("[")[0].strip().lower()
        geometry = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
        mended.append(f"repaired ({reason})")
    geometry = _only_polygons(geometry)
    if geometry.is_empty or not geometry.area > 0:
        raise ZoneError("It has no area.", hint="Lines and points must be buffered first.")
    return geometry, tuple(mended)


def area_hash(area: BaseGeometry) -> str:
    """SHA-256 (hex) of an area, the same for every order of its rings and every start of them."""
    normal = shapely.normalize(shapely.set_precision(area, HASH_GRID, mode="pointwise"))
    return hashlib.sha256(shapely.to_wkb(normal, byte_order=1)).hexdigest()


def to_wkb(area: BaseGeometry) -> bytes:
    wkb: bytes = shapely.to_wkb(area, byte_order=1)
    return wkb


def from_wkb(wkb: bytes) -> Area:
    geometry = shapely.from_wkb(bytes(wkb))
    if not isinstance(geometry, Polygon | MultiPolygon):
        raise ZoneError(f"A stored area is a {geometry.geom_type}, not a polygon.")
    return geometry


def to_geojson(area: BaseGeometry) -> dict[str, Any]:
    """A GeoJSON geometry object."""
    document: dict[str, Any] = json.loads(json.dumps(mapping(area)))
    return document


def metric_crs(geometry: BaseGeometry) -> CRS:
    """A projection in metres made for this place: azimuthal equidistant around its middle.

    Distances within a city are right to better than 1 in 100,000.
    """
    west, south, east, north = geometry.bounds
    return CRS.from_proj4(f"+proj=aeqd +lat_0={(south + north) / 2} +lon_0={(west + east) / 2} +datum=WGS84 +units=m")


def in_metres(geometry: BaseGeometry, crs: CRS) -> BaseGeometry:
    """A WGS 84 shape in a metric projection."""
    forward = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    moved: BaseGeometry = shapely.transform(geometry, forward.transform, interleaved=False)
    return moved


def area_m2(area: BaseGeometry) -> float:
    """Square metres, by an equal-area projection around the middle."""
    west, south, east, north = area.bounds
    laea = CRS.from_proj4(f"+proj=laea +lat_0={(south + north) / 2} +lon_0={(west + east) / 2} +datum=WGS84 +units=m")
    return float(in_metres(area, laea).area)


def circle(lon: float, lat: float, radius_m: float) -> Area:
    """The disc around a point. Raises ZoneError for a point outside the world or a radius that is no length."""
    centre = Point(lon, lat)
    _within_world(centre)
    if not 0 < radius_m <= 1_000_000:
        raise ZoneError(f"A radius of {radius_m:g} m makes no area.")
    crs = metric_crs(centre)
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    disc = Point(0, 0).buffer(radius_m, quad_segs=32)
    return clean(shapely.transform(disc, back.transform, interleaved=False))[0]


def _geometries(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        return (
            [g for f in features if isinstance(f, Mapping) for g in _geometries(f)]
            if isinstance(features, list)
            else []
        )
    if kind == "Feature":
        geometry = document.get("geometry")
        return _geometries(geometry) if isinstance(geometry, Mapping) else []
    if kind == "GeometryCollection":
        parts = document.get("geometries")
        return [g for p in parts if isinstance(p, Mapping) for g in _geometries(p)] if isinstance(parts, list) else []
    return [document]


def _polygon(document: Mapping[str, Any]) -> Area:
    if document.get("type") not in ("Polygon", "MultiPolygon"):
        raise ZoneError(
            f"It holds a {document.get('type') or 'thing without a type'}, not a polygon.",
            hint="Draw an area, or name a zone.",
        )
    try:
        geometry = shape(document)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, shapely.errors.ShapelyError):
        raise ZoneError("Its coordinates cannot be read.", hint="A ring is a list of [lon, lat] pairs.") from None
    return clean(geometry)[0]


def _refuse_other_crs(document: Mapping[str, Any]) -> None:
    """GeoJSON is WGS 84 (RFC 7946, section 4); an old `crs` member may say otherwise."""
    crs = document.get("crs")
    name = str(crs.get("properties", {}).get("name", "")) if isinstance(crs, Mapping) else ""
    if name and not any(known in name.upper() for known in ("CRS84", "EPSG::4326", "EPSG:4326")):
        raise ZoneError(f"Its coordinates are in {name}.", hint="Convert it to WGS 84, or import it as a zone.")


def _within_world(geometry: BaseGeometry) -> None:
    coordinates = shapely.get_coordinates(geometry)
    west, south = coordinates.min(axis=0)
    east, north = coordinates.max(axis=0)
    if not all(math.isfinite(x) for x in (west, south, east, north)):
        raise ZoneError("Its coordinates are not all numbers.")
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise ZoneError(
            f"It lies outside the world: longitude {west:g} to {east:g}, latitude {south:g} to {north:g}.",
            hint="Coordinates are longitude, latitude in degrees (WGS 84).",
        )


def _only_polygons(geometry: BaseGeometry) -> Area:
    if isinstance(geometry, Polygon | MultiPolygon):
        return geometry
    parts = [part for part in shapely.get_parts(geometry).tolist() if isinstance(part, Polygon | MultiPolygon)]
    united = shapely.union_all(parts)
    return united if isinstance(united, Polygon | MultiPolygon) else MultiPolygon()
