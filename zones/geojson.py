"""Read GeoJSON (RFC 7946) strictly: anything unreadable is an error with a reason, and nothing is dropped silently.

GDAL would leave out what it cannot read, and would fetch a coordinate system that a file names by a URL.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, NoReturn, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from zones import gate
from zones.errors import ZoneError, one_line

RING_HINT = "A ring is a list of at least four [longitude, latitude] pairs, the last one equal to the first."
_TYPES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
_OF_ESRI = {"geometryType", "spatialReference", "attributes", "rings", "paths"}  # Esri JSON has these, and no `type`
_DEPTH = 8  # of nested geometry collections


Gap: TypeAlias = tuple[tuple[float, float], tuple[float, float]]  # the last position of a ring and its first


@dataclass(frozen=True, slots=True)
class Built:
    """The shape of a geometry in a file, or the reason why it has none."""

    kind: str
    shape: BaseGeometry | None
    gaps: tuple[Gap, ...] = ()  # of rings that were open and have been closed
    error: ZoneError | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of a file. `number` counts from 1; `geometry` is None where it is null."""

    number: int
    geometry: Mapping[str, Any] | Built | None
    properties: Mapping[str, Any]


def load(document: str | bytes, *, compact: bool = False) -> Mapping[str, Any]:
    """Parse a GeoJSON text. Raises ZoneError when it is not GeoJSON.

    `compact`: make each geometry a shape as soon as it is parsed, because lists of lists take ten times the memory.
    """
    if not document.strip():
        raise ZoneError("It is empty.", hint="Give a GeoJSON polygon.")
    try:
        text = document.decode("utf-8-sig") if isinstance(document, bytes) else document
        loaded = json.loads(text, parse_constant=_no_number, object_hook=_compacted if compact else None)
    except UnicodeDecodeError:
        raise ZoneError("It is not UTF-8 text, as GeoJSON must be.", hint="Save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ZoneError(
            f"It is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.", hint="Export it again."
        ) from None
    except (ValueError, RecursionError):
        raise ZoneError("It is not JSON, or is nested too deeply.", hint="Give a GeoJSON polygon.") from None
    return known({"type": "Feature", "geometry": loaded, "properties": {}} if isinstance(loaded, Built) else loaded)


def load_lines(text: str) -> Mapping[str, Any]:
    """Read newline-delimited GeoJSON, or a sequence by RFC 8142, as one collection. Raises ZoneError with the line."""
    text = text.lstrip("\ufeff \t\r\n")
    divider, unit, first = ("\x1e", "Text", 0) if text.startswith("\x1e") else ("\n", "Line", 1)
    members: list[Any] = []
    crs: object = None
    partial = False
    for number, line in enumerate(text.split(divider), first):
        if line.strip():
            try:
                document = load(line, compact=True)
                if members and document.get("crs") != crs:
                    raise ZoneError("Its crs differs from the lines before.", hint="Export all in EPSG:4326.")
                crs = document.get("crs")
                partial = partial or is_partial(document)
                members.extend(_members(document))
            except ZoneError as error:
                raise ZoneError(f"{unit} {number}: {error.message}", hint=error.hint) from None
    whole = {"type": "FeatureCollection", "features": members, "exceededTransferLimit": partial}
    return whole if crs is None else {**whole, "crs": crs}


def known(document: object) -> Mapping[str, Any]:
    """Return the object if its type is one of GeoJSON or TopoJSON. Raises ZoneError if it is not."""
    if isinstance(document, Mapping):
        _refuse_arcgis(document)
    if not isinstance(document, Mapping):
        raise ZoneError("It is not GeoJSON: it is not an object.", hint="Give a GeoJSON polygon.")
    if document.get("type") not in ("FeatureCollection", "Feature", "Topology", *_TYPES):
        raise ZoneError(
            f"It is not GeoJSON: its type is {_shown(document.get('type'))}.", hint="Export it as GeoJSON again."
        )
    return document


def is_partial(document: Mapping[str, Any]) -> bool:
    """Return whether an ArcGIS server reports that it did not send all features."""
    properties = document.get("properties")
    of_properties = properties.get("exceededTransferLimit") if isinstance(properties, Mapping) else None
    return document.get("exceededTransferLimit") is True or of_properties is True


def _refuse_arcgis(document: Mapping[str, Any]) -> None:
    """Raise ZoneError for errors and other formats that ArcGIS sends instead of GeoJSON."""
    if document.get("type") not in (None, "FeatureCollection"):
        return
    error = document if document.get("status") == "error" else document.get("error")
    if error and isinstance(error, Mapping | str):
        words = one_line(_words(error))[:120]
        raise ZoneError(f"It is an error message of a server: {words}", hint="Download it again and check it.")
    members = document.get("features")
    first = members[0] if isinstance(members, list) and members else None
    keys = {*document, *(first if isinstance(first, Mapping) else ())}
    if "type" not in keys and keys & _OF_ESRI:
        raise ZoneError(
            "It is Esri JSON, not GeoJSON.", hint="Export it as GeoJSON, with f=geojson in the server's URL."
        )


def _words(error: Mapping[str, Any] | str) -> str:
    """Return the text of a server's error: text, or an object with some of code, error, message, messages, details."""
    if isinstance(error, str):
        return error
    told = next((found for name in ("message", "messages", "error", "details") if (found := error.get(name))), "")
    words = ", ".join(map(str, told)) if isinstance(told, list) else _words(told) if isinstance(told, Mapping) else told
    return f"{error.get('code', '')} {words}".strip()


def features(document: Mapping[str, Any]) -> list[Feature]:
    """Return the features of a document. A bare geometry is a feature without properties."""
    if document["type"] == "Topology":
        raise ZoneError("It is TopoJSON.", hint="Convert it to GeoJSON, or import it as a zone.")
    return [_feature(number, member) for number, member in enumerate(_members(document), 1)]


def _members(document: Mapping[str, Any]) -> list[Any]:
    if document["type"] == "FeatureCollection":
        members = document.get("features")
        if not isinstance(members, list):
            raise ZoneError("Its feature collection has no list of features.", hint="Export it as GeoJSON again.")
        return members
    if document["type"] in _TYPES:
        return [{"type": "Feature", "geometry": document, "properties": {}}]
    return [document]


def declared_crs(document: Mapping[str, Any]) -> str | None:
    """Return the coordinate system named by an old `crs` member (GeoJSON of 2008, section 3); None: WGS 84."""
    crs = document.get("crs")
    if crs is None:
        return None
    properties = crs.get("properties") if isinstance(crs, Mapping) and crs.get("type") == "name" else None
    name = properties.get("name") if isinstance(properties, Mapping) else None
    if not isinstance(name, str) or not name.strip():
        raise ZoneError("Its crs member does not name a coordinate system.", hint="Remove it, or convert to WGS 84.")
    return name.strip()


def to_shape(geometry: Mapping[str, Any] | Built, depth: int = 0) -> BaseGeometry:
    """Make a shape of a GeoJSON geometry. Open rings are closed, nothing else is repaired. Z and M are left out.

    Raises ZoneError when its coordinates cannot be read.
    """
    if isinstance(geometry, Built):
        if geometry.shape is None:
            raise geometry.error or ZoneError("A geometry cannot be read.")
        return geometry.shape
    kind = geometry.get("type")
    if kind not in _TYPES:
        raise ZoneError(f"A geometry's type is {_shown(kind)}.", hint=f"Types are {', '.join(_TYPES)}.")
    if kind == "GeometryCollection":
        parts = geometry.get("geometries")
        if not isinstance(parts, list) or not all(isinstance(x, Mapping | Built) for x in parts) or depth > _DEPTH:
            raise ZoneError("A geometry collection cannot be read.", hint=f"At most {_DEPTH} may be nested.")
        return gate.admit(shapely.GeometryCollection([to_shape(part, depth + 1) for part in parts]))
    try:
        return gate.admit(_build(kind, geometry.get("coordinates")))
    except (ValueError, TypeError, OverflowError, shapely.errors.ShapelyError):
        raise ZoneError(
            f"The coordinates of a {kind} cannot be read.",
            hint=RING_HINT if "Polygon" in kind else "A position is [longitude, latitude].",
        ) from None


def gaps(geometry: Mapping[str, Any] | Built) -> tuple[Gap, ...]:
    """Return the gaps of open rings in polygons. Call it only for geometries that `to_shape` can read."""
    if isinstance(geometry, Built):
        return geometry.gaps
    if geometry["type"] == "GeometryCollection":
        return tuple(chain.from_iterable(gaps(part) for part in geometry["geometries"]))
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        return ()
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    ends = ((ring[-1][:2], ring[0][:2]) for rings in polygons for ring in rings if ring)
    return tuple(((last[0], last[1]), (first[0], first[1])) for last, first in ends if last != first)


def _compacted(found: dict[str, Any]) -> Any:
    """Make a shape of a geometry with coordinates; return anything else as it is."""
    if "coordinates" not in found or found.get("type") not in _TYPES:
        return found
    try:
        return Built(found["type"], to_shape(found), gaps(found))
    except ZoneError as error:
        return Built(found["type"], None, error=error)


def _feature(number: int, member: object) -> Feature:
    """Read a feature. One that is invalid becomes an error of its own, so that the others are not lost."""
    found = member if isinstance(member, Mapping) else {}
    geometry, properties = found.get("geometry"), found.get("properties")
    if found.get("type") != "Feature":
        error = ZoneError(f"Feature {number} is not a GeoJSON feature.", hint='The type of each must be "Feature".')
        geometry = Built("", None, error=error)
    elif geometry is not None and not isinstance(geometry, Mapping | Built):
        geometry = Built(
            "", None, error=ZoneError(f"The geometry of feature {number} is not an object.", hint="Export it again.")
        )
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
    """Return positions as an array of (lon, lat). NumPy alone would accept "5" and true as numbers."""
    if not isinstance(positions, list):
        raise TypeError("not a list of positions")
    if set(map(type, positions)) - {list} or min(map(len, positions), default=2) < 2:
        raise ValueError("not a position")
    pairs = positions if set(map(len, positions)) <= {2} else [position[:2] for position in positions]
    if set(map(type, chain.from_iterable(pairs))) - {float, int}:
        raise ValueError("not a number")
    return np.fromiter(chain.from_iterable(pairs), np.float64, 2 * len(pairs)).reshape(-1, 2)


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")  # RFC 8259, section 6; Python would accept it


def _shown(value: object) -> str:
    return repr(value[:30]) if isinstance(value, str) else "missing"
