"""GeoJSON (RFC 7946) read strictly: what cannot be read is an error with its reason, and nothing is dropped silently.

GDAL would leave out what it cannot read, and would fetch a coordinate system that a file names by its address.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from zones.errors import ZoneError

RING_HINT = "A ring is a list of at least four [longitude, latitude] pairs, the last one equal to the first."
_TYPES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
_DEPTH = 8  # of geometry collections in each other


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature as it stands in the file. `number` counts from 1; `geometry` is None where it is null."""

    number: int
    geometry: Mapping[str, Any] | None
    properties: Mapping[str, Any]


def load(document: str | bytes) -> Mapping[str, Any]:
    """A GeoJSON text as an object. Raises ZoneError when it is not one."""
    if not document.strip():
        raise ZoneError("It is empty.", hint="Give a GeoJSON polygon.")
    try:
        text = document.decode("utf-8-sig") if isinstance(document, bytes) else document
        loaded = json.loads(text, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise ZoneError("It is not UTF-8 text, as GeoJSON must be.") from None
    except json.JSONDecodeError as error:
        raise ZoneError(f"It is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except (ValueError, RecursionError):
        raise ZoneError("It is not JSON that can be read.", hint="Give a GeoJSON polygon.") from None
    return known(loaded)


def known(document: object) -> Mapping[str, Any]:
    """The same object, when it is GeoJSON by its type."""
    if not isinstance(document, Mapping):
        raise ZoneError("It is not GeoJSON: not an object.", hint="Give a GeoJSON polygon.")
    if document.get("type") == "Topology":
        raise ZoneError("It is TopoJSON.", hint="Convert it to GeoJSON.")
    if document.get("type") not in ("FeatureCollection", "Feature", *_TYPES):
        raise ZoneError(f"It is not GeoJSON: its type is {_shown(document.get('type'))}.")
    return document


def features(document: Mapping[str, Any]) -> list[Feature]:
    """The features of a document; a bare geometry is one without properties."""
    if document["type"] == "FeatureCollection":
        members = document.get("features")
        if not isinstance(members, list):
            raise ZoneError("Its feature collection has no list of features.")
        return [_feature(number, member) for number, member in enumerate(members, 1)]
    if document["type"] == "Feature":
        return [_feature(1, document)]
    return [Feature(1, document, {})]


def declared_crs(document: Mapping[str, Any]) -> str | None:
    """The coordinate system that an old `crs` member names (GeoJSON of 2008, section 3); None: WGS 84."""
    crs = document.get("crs")
    if crs is None:
        return None
    properties = crs.get("properties") if isinstance(crs, Mapping) and crs.get("type") == "name" else None
    name = properties.get("name") if isinstance(properties, Mapping) else None
    if not isinstance(name, str) or not name.strip():
        raise ZoneError("Its crs member does not name a coordinate system.", hint="Take it out, or convert to WGS 84.")
    return name.strip()


def to_shape(geometry: Mapping[str, Any], depth: int = 0) -> BaseGeometry:
    """A GeoJSON geometry as it is written: open rings are closed, nothing else is mended. Z and M are left out.

    Raises ZoneError when its coordinates cannot be read.
    """
    kind = geometry.get("type")
    if kind not in _TYPES:
        raise ZoneError(f"A geometry's type is {_shown(kind)}.")
    if kind == "GeometryCollection":
        parts = geometry.get("geometries")
        if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts) or depth > _DEPTH:
            raise ZoneError("A geometry collection cannot be read.")
        collection: BaseGeometry = shapely.GeometryCollection([to_shape(part, depth + 1) for part in parts])
        return collection
    try:
        return _build(kind, geometry.get("coordinates"))
    except (ValueError, TypeError, OverflowError, shapely.errors.ShapelyError):
        raise ZoneError(
            f"The coordinates of a {kind} cannot be read.", hint=RING_HINT if "Polygon" in kind else ""
        ) from None


def open_rings(geometry: Mapping[str, Any]) -> int:
    """How many rings of a polygon do not end where they begin. Only for geometries that `to_shape` reads."""
    if geometry["type"] == "GeometryCollection":
        return sum(open_rings(part) for part in geometry["geometries"])
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        return 0
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return sum(1 for rings in polygons for ring in rings if ring and ring[0][:2] != ring[-1][:2])


def _feature(number: int, member: object) -> Feature:
    if not isinstance(member, Mapping) or member.get("type") != "Feature":
        raise ZoneError(f"Feature {number} is not a GeoJSON feature.")
    geometry, properties = member.get("geometry"), member.get("properties")
    if geometry is not None and not isinstance(geometry, Mapping):
        raise ZoneError(f"The geometry of feature {number} is not an object.")
    return Feature(number, geometry, properties if isinstance(properties, Mapping) else {})


def _build(kind: str, coordinates: Any) -> BaseGeometry:
    if not isinstance(coordinates, list):
        raise ValueError("no coordinates")
    geometry: BaseGeometry
    match kind:
        case "Point":
            geometry = shapely.Point(_positions([coordinates])) if coordinates else shapely.Point()
        case "MultiPoint":
            geometry = shapely.MultiPoint(_positions(coordinates))
        case "LineString":
            geometry = shapely.LineString(_positions(coordinates))
        case "MultiLineString":
            geometry = shapely.MultiLineString([_positions(line) for line in coordinates])
        case "Polygon":
            geometry = _polygon(coordinates)
        case _:
            geometry = shapely.MultiPolygon([_polygon(rings) for rings in coordinates])
    return geometry


def _polygon(rings: Any) -> BaseGeometry:
    if not isinstance(rings, list):
        raise TypeError("not a list of rings")
    polygon: BaseGeometry = shapely.Polygon()
    if rings:
        polygon = shapely.Polygon(_positions(rings[0]), [_positions(ring) for ring in rings[1:]])
    return polygon


def _positions(positions: list[Any]) -> NDArray[np.float64]:
    """Positions as an array of (lon, lat). numpy alone would take "5" and true for numbers."""
    if not isinstance(positions, list):
        raise TypeError("not a list of positions")
    for position in positions:
        if not isinstance(position, list) or len(position) < 2:
            raise ValueError("not a position")
        if type(position[0]) not in (float, int) or type(position[1]) not in (float, int):
            raise ValueError("not a number")
    return np.array([position[:2] for position in positions], dtype=np.float64).reshape(-1, 2)


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")  # RFC 8259, section 6; Python would take it


def _shown(value: object) -> str:
    return repr(value[:30]) if isinstance(value, str) else "missing"
