"""Areas: read them from GeoJSON and WKB, make them valid, hash them and measure them in metres.

All areas are polygons or multipolygons in WGS 84, longitude first.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import shapely
from pyproj import CRS, Geod, Transformer
from shapely.geometry import MultiPolygon, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from zones import antimeridian, gate, geojson, tangles
from zones.errors import ZoneError

Area: TypeAlias = Polygon | MultiPolygon

HASH_GRID = 1e-9  # degrees, about 0.1 mm, so that rounding errors do not change a hash
DRAW_HINT = "Draw an area, or name a zone."
# An edge is straight in degrees and therefore bent in metres: 20 km along a parallel by 7 m. Cut into pieces of about
# 500 m it is right to millimetres. Shapes of continents get longer pieces, about EDGE_PIECES in all.
EDGE_DEGREES, EDGE_PIECES = 0.005, 20_000
NO_NUMBER = 1e15  # larger than any coordinate in any unit; files have such numbers for a missing coordinate
MANY_CORNERS = 20_000
ELLIPSOID = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class ReadArea:
    """An area as it will be used, and a phrase for each repair that was needed."""

    geometry: Area
    mended: tuple[str, ...]


def parse_area(document: Mapping[str, Any] | str | bytes) -> Area:
    """Read a GeoJSON geometry, feature or feature collection (RFC 7946) as one valid area; several parts are united.

    Raises ZoneError when it is not GeoJSON, when any part is not a polygon, or when it lies outside the world.
    """
    return read_area(document).geometry


def read_area(document: Mapping[str, Any] | str | bytes) -> ReadArea:
    """Read an area as `parse_area` does, and report what was repaired."""
    loaded = geojson.load(document) if isinstance(document, str | bytes) else geojson.known(document)
    only_wgs84(loaded)
    parts: list[Area] = []
    mended: list[str] = []
    for feature in geojson.features(loaded):
        if feature.geometry is None:
            raise ZoneError(f"Feature {feature.number} has no geometry.", hint=DRAW_HINT)
        geometry = geojson.to_shape(feature.geometry)
        if not _all_polygons(geometry):
            raise ZoneError(f"It holds a {geometry.geom_type}, not a polygon.", hint=DRAW_HINT)
        part, how = clean(geometry)
        parts.append(part)
        if gaps := geojson.gaps(feature.geometry):
            mended.append(closed(gaps))
        mended.extend(how)
    if not parts:
        raise ZoneError("There is no polygon in it.", hint=DRAW_HINT)
    if len(parts) == 1:
        return ReadArea(parts[0], tuple(mended))
    united, how = clean(union(parts))
    return ReadArea(united, (*mended, *how))


def closed(gaps: Sequence[geojson.Gap]) -> str:
    """Describe closed rings and the length of the border that was added. The gaps are in WGS 84."""
    rings = "closed an open ring" if len(gaps) == 1 else f"closed {len(gaps)} open rings"
    ends = np.array(gaps, dtype=float).reshape(-1, 4).T
    if not np.isfinite(ends).all() or (np.abs(ends[1::2]) > 90).any():
        return rings
    metres = float(np.sum(ELLIPSOID.inv(*ends)[2]))
    return f"{rings}: {f'{metres:,.0f}' if metres >= 1 else 'less than 1'} m of its border were not in the file"


def union(parts: Sequence[Area]) -> BaseGeometry:
    """Unite valid areas: the same as `shapely.union_all`, in a quarter of the time for a county of parts.

    Parts that meet only in shared edges, or not at all, are a coverage: shared edges are removed and nothing has to be
    intersected. Parts that overlap, or meet without sharing corners, are united as usual, group by group.
    """
    several = np.array(parts, dtype=object)
    is_odd = ~shapely.is_empty(shapely.coverage_invalid_edges(several))
    covered = shapely.coverage_union_all(several[~is_odd])
    if not is_odd.any():
        return covered
    united: BaseGeometry = shapely.disjoint_subset_union_all([*shapely.get_parts(covered), *several[is_odd]])
    return united


def only_wgs84(document: Mapping[str, Any]) -> None:
    """Raise ZoneError for old GeoJSON that declares another coordinate system."""
    crs = geojson.declared_crs(document)
    if crs is not None and not is_wgs84(crs):
        raise ZoneError(f"Its coordinates are in {crs}.", hint="Convert it to WGS 84, or import it as a zone.")


def is_wgs84(crs: str) -> bool:
    """Return whether a name means longitude and latitude of WGS 84, in either order."""
    return crs.upper().removesuffix("/0").endswith(("CRS84", "CRS84H", "EPSG::4326", "EPSG:4326", "EPSG/0/4326"))


def clean(geometry: BaseGeometry) -> tuple[Area, tuple[str, ...]]:
    """Return the area as a valid (multi)polygon without Z, and a phrase for each repair.

    Raises ZoneError when no area is left or it lies outside the world.
    """
    mended = []
    geometry = gate.admit(geometry)
    if geometry.is_empty:
        raise ZoneError("It is empty.")
    within_world(geometry)
    if not _all_polygons(geometry):
        mended.append("left out lines or points")
    geometry = only_polygons(geometry)
    if shapely.get_num_coordinates(geometry) > MANY_CORNERS:  # even checking its validity could take long
        tangles.refuse(geometry)
    if not geometry.is_valid:
        geometry, how = repaired(geometry)
        mended.append(how)
    if geometry.is_empty or not geometry.area > 0:
        raise ZoneError("It has no area.", hint="Lines and points must be buffered first.")
    return geometry, tuple(mended)


def repaired(areas: BaseGeometry) -> tuple[Area, str]:
    """Make invalid polygons valid. Return them and a phrase that says what was wrong.

    Everything that a shell's ring goes around is inside, everything that a hole's ring goes around is not. A hole
    outside its shell becomes a part. Slivers may be left (GEOS, GeometryFixer).
    """
    tangles.refuse(areas)
    phrase = f"repaired ({fault(areas)})"
    return only_polygons(shapely.make_valid(areas, method="structure", keep_collapsed=False)), phrase


def fault(areas: BaseGeometry) -> str:
    """Return a phrase that says what makes a shape invalid, and where."""
    reason, _, where = shapely.is_valid_reason(areas).partition("[")
    return f"{reason.strip().lower()}{' at ' + where.rstrip(']') if where else ''}"


def area_hash(area: BaseGeometry) -> str:
    """Return the SHA-256 (hex) of an area. It does not depend on the order of the rings or where they start."""
    rounded = shapely.set_precision(only_polygons(area), HASH_GRID, mode="pointwise")
    unsigned = shapely.transform(rounded, lambda xy: xy + 0.0)  # -0.0 and 0.0, as at Greenwich, differ in their bytes
    normal = shapely.normalize(shapely.remove_repeated_points(unsigned))
    return hashlib.sha256(shapely.to_wkb(normal, byte_order=1)).hexdigest()


def to_wkb(area: BaseGeometry) -> bytes:
    wkb: bytes = shapely.to_wkb(area, byte_order=1)
    return wkb


def usable(wkb: bytes) -> Area:
    """Read a stored area to compare it, or to send to it again: an invalid one is repaired. Raises ZoneError for one
    that is damaged beyond that."""
    found = readable_areas([wkb])
    if not found:
        raise ZoneError("A stored area is damaged.", hint=DRAW_HINT)
    return found[wkb]


def from_wkb(wkb: bytes) -> Area:
    geometry = gate.from_wkb(wkb)
    if not isinstance(geometry, Polygon | MultiPolygon):
        raise ZoneError(f"A stored area is a {geometry.geom_type}, not a polygon.")
    return geometry


def readable_areas(stored: Iterable[bytes]) -> dict[bytes, Area]:
    """Read stored areas, each once, so that they can be compared. Invalid ones are repaired; those that cannot be are
    left out."""
    wkb = list(dict.fromkeys(stored))
    shapes, readable = gate.readable_from_wkb(wkb)
    found = {}
    for at, shape in zip(readable.tolist(), shapes.tolist(), strict=True):
        try:
            found[wkb[at]] = shape if shape.is_valid and _all_polygons(shape) else repaired(shape)[0]
        except ZoneError:
            continue  # a tangle
    return {key: area for key, area in found.items() if area.area > 0}


def to_geojson(area: BaseGeometry) -> dict[str, Any]:
    """Return a GeoJSON geometry object."""
    document: dict[str, Any] = json.loads(json.dumps(mapping(area)))
    return document


def metric_crs(geometry: BaseGeometry) -> CRS:
    """Return a projection in metres for this place: azimuthal equidistant around its middle.

    Distances within a city are accurate to better than 1 in 100,000.
    """
    west, south, east, north = geometry.bounds
    middle = (west + east) / 2
    if east - west > 180:  # it was cut at the 180th meridian, so move its western part back
        turned = shapely.transform(geometry, lambda xy: xy + np.where(xy[:, :1] < 0, (360.0, 0.0), (0.0, 0.0)))
        middle = (turned.bounds[0] + turned.bounds[2]) / 2
    return CRS.from_proj4(f"+proj=aeqd +lat_0={(south + north) / 2} +lon_0={middle} +datum=WGS84 +units=m")


def in_metres(geometry: BaseGeometry, crs: CRS) -> BaseGeometry:
    """Project a WGS 84 shape to metres. Its edges follow the straight lines in degrees."""
    forward = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    moved: BaseGeometry = shapely.transform(
        shapely.segmentize(geometry, piece_degrees(geometry)), forward.transform, interleaved=False
    )
    return moved


def area_m2(area: BaseGeometry) -> float:
    """Return square metres on the ellipsoid."""
    counter_clockwise = shapely.orient_polygons(shapely.segmentize(area, piece_degrees(area)))
    square_metres, _ = ELLIPSOID.geometry_area_perimeter(counter_clockwise)
    return float(square_metres)


def circle(lon: float, lat: float, radius_m: float) -> Area:
    """Return the disc around a point. Raises ZoneError for a point outside the world or an invalid radius."""
    centre = Point(lon, lat)
    within_world(centre)
    if not 0 < radius_m <= 1_000_000:
        raise ZoneError(f"A radius of {radius_m:g} m makes no area.", hint="Use more than 0 and at most 1000000 m.")
    crs = metric_crs(centre)
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    disc = shapely.transform(Point(0, 0).buffer(radius_m, quad_segs=32), back.transform, interleaved=False)
    if antimeridian.crosses(disc):
        disc = antimeridian.cut(antimeridian.followed(disc))
    return clean(disc)[0]


def piece_degrees(geometry: BaseGeometry) -> float:
    """Return the greatest length of the pieces of an edge at which its bend does not matter."""
    return max(EDGE_DEGREES, float(geometry.length) / EDGE_PIECES)


def within_world(geometry: BaseGeometry) -> None:
    """Raise ZoneError if a shape has invalid coordinates or lies outside the world."""
    coordinates = shapely.get_coordinates(geometry)
    west, south = coordinates.min(axis=0)
    east, north = coordinates.max(axis=0)
    if not all(abs(x) < NO_NUMBER for x in (west, south, east, north)):
        raise ZoneError("Its coordinates are not all numbers.")
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise ZoneError(
            f"It lies outside the world: longitude {west:g} to {east:g}, latitude {south:g} to {north:g}.",
            hint="Coordinates are longitude, latitude in degrees (WGS 84).",
        )


def _polygons(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Return the polygons of a shape, including those in nested collections."""
    if geometry.geom_type == "GeometryCollection":
        return [polygon for part in shapely.get_parts(geometry).tolist() for polygon in _polygons(part)]
    return [geometry] if isinstance(geometry, Polygon | MultiPolygon) else []


def _all_polygons(geometry: BaseGeometry) -> bool:
    if geometry.geom_type == "GeometryCollection":
        return all(_all_polygons(part) for part in shapely.get_parts(geometry).tolist())
    return isinstance(geometry, Polygon | MultiPolygon)


def only_polygons(geometry: BaseGeometry) -> Area:
    """Return the polygons of a shape; a single one as a Polygon, so that every file format gives the same hash."""
    if isinstance(geometry, Polygon):
        return geometry
    found = [part for polygon in _polygons(geometry) for part in shapely.get_parts(polygon).tolist()]
    parts = [part for part in found if not part.is_empty]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)
