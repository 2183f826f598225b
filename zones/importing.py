"""A file of zones made clean: WGS 84, valid, named, each name once, with a line for all that was mended or left out.

A file becomes a table of shapes by the reader of its ending (`READERS`); from there on all formats are the same.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry

from zones import fields, geojson, shapefile
from zones.errors import ZoneError
from zones.geometry import Area, clean, is_wgs84

MAX_GEOJSON_BYTES = 256 * 1024 * 1024
WGS84 = pyproj.CRS.from_epsg(4326)
USE_MARGIN_DEGREES = 2.0  # how far beside the area that a coordinate system is made for a zone may lie
SHOWN = 8  # cases listed in an error


@dataclass(frozen=True, slots=True)
class CleanZone:
    """A zone as it can be kept: a stripped name and a valid polygon or multipolygon in WGS 84."""

    name: str
    external_id: str | None
    geometry: Area


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """What a file holds. `mended` and `left_out` say which zone and what, a line each."""

    zones: tuple[CleanZone, ...]
    mended: tuple[str, ...]
    left_out: tuple[str, ...]
    crs: str  # that of the file, as EPSG:n where it has a number
    name_field: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file as its reader gives it. `notes` are by row: what the reader itself mended."""

    frame: gpd.GeoDataFrame
    notes: dict[int, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """A row that is fit to be a zone or, when dissolving, a part of one."""

    name: str
    external_id: str | None
    group: str
    geometry: Area


def read_zones(
    path: Path,
    *,
    name_field: str | None = None,
    id_field: str | None = None,
    layer: str | None = None,
    dissolve: str | None = None,
    crs: str | None = None,
) -> ZoneFile:
    """The zones of a file from anybody.

    `name_field` is guessed from common names when not given. `dissolve` unites the rows that share that field.
    `crs` (such as "EPSG:2272") is for files that do not say theirs. Raises ZoneError with one sentence to act on.
    """
    table = _read(path, layer, crs)
    frame, source_crs = table.frame, table.frame.crs
    if frame.empty:
        raise ZoneError(f"{path.name} holds no features.")
    columns = [str(column) for column in frame.columns if column != frame.geometry.name]
    name_field = fields.choose(frame, columns, name_field or dissolve)
    for field in (id_field, dissolve):
        if field is not None:
            fields.require(columns, field)
    shapes = _to_wgs84(frame, path)
    mended: list[str] = []
    left_out: list[str] = []
    parts = _parts(frame, shapes, (name_field, id_field, dissolve), table.notes, mended, left_out)
    if not parts:
        raise _nothing_left(path, left_out)
    zones = _dissolved(parts, mended) if dissolve else [CleanZone(p.name, p.external_id, p.geometry) for p in parts]
    _refuse_doubles(zones, name_field, dissolve)
    return ZoneFile(tuple(zones), tuple(mended), tuple(left_out), _crs_name(source_crs), name_field)


def _read(path: Path, layer: str | None, crs: str | None) -> Table:
    if not path.is_file():
        raise ZoneError(f"There is no file {path.name}.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ZoneError(
            f"{path.name} is of a kind that cannot be imported.", hint=f"Give one of: {', '.join(READERS)}."
        )
    try:
        given = None if crs is None else _known_crs(crs)
        return reader(path, layer, given)
    except ZoneError as error:
        raise ZoneError(f"{path.name}: {error.message}", hint=error.hint, details=error.details) from None
    except OSError as error:
        raise ZoneError(f"{path.name} cannot be read: {error.strerror}.") from None


def _read_geojson(path: Path, layer: str | None, given: pyproj.CRS | None) -> Table:
    if layer is not None:
        raise ZoneError("A GeoJSON file has no layers.", hint="Leave --layer out.")
    if path.stat().st_size > MAX_GEOJSON_BYTES:
        raise ZoneError(f"It is larger than {MAX_GEOJSON_BYTES // 1024**2} MB.", hint="Simplify or split it.")
    document = geojson.load(path.read_bytes())
    declared = geojson.declared_crs(document)
    own = None if declared is None else WGS84 if is_wgs84(declared) else _known_crs(declared)
    found = geojson.features(document)
    shapes = [None if f.geometry is None else _shape(f) for f in found]
    notes = {
        row: "closed an open ring"
        for row, feature in enumerate(found)
        if feature.geometry is not None and geojson.open_rings(feature.geometry)
    }
    properties = pd.DataFrame([dict(f.properties) for f in found], index=range(len(found)))
    geometry = gpd.GeoSeries(shapes, crs=_agreed(own, given) or WGS84)  # RFC 7946, section 4
    return Table(gpd.GeoDataFrame(properties.drop(columns="geometry", errors="ignore"), geometry=geometry), notes)


def _shape(feature: geojson.Feature) -> BaseGeometry:
    assert feature.geometry is not None
    try:
        return geojson.to_shape(feature.geometry)
    except ZoneError as error:
        raise ZoneError(f"Feature {feature.number}: {error.message}", hint=error.hint) from None


def _read_shapefile(path: Path, layer: str | None, given: pyproj.CRS | None) -> Table:
    frame = shapefile.read_zip(path, layer)
    crs = _agreed(frame.crs, given)
    if crs is None:
        raise ZoneError(
            "It does not say its coordinate system (there is no .prj file).", hint="Say it, such as --crs EPSG:4326."
        )
    return Table(frame.set_crs(crs, allow_override=True), {})


Reader = Callable[[Path, str | None, pyproj.CRS | None], Table]
READERS: dict[str, Reader] = {".geojson": _read_geojson, ".json": _read_geojson, ".zip": _read_shapefile}


def _known_crs(name: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(name)
    except CRSError:
        raise ZoneError(f"There is no coordinate system {name[:60]!r}.", hint="Name it like EPSG:2272.") from None


def _agreed(own: pyproj.CRS | None, given: pyproj.CRS | None) -> pyproj.CRS | None:
    if own is not None and given is not None and not own.equals(given, ignore_axis_order=True):
        raise ZoneError(
            f"It says that it is in {_crs_name(own)}, and --crs says {_crs_name(given)}.", hint="Leave --crs out."
        )
    return own if own is not None else given


def _crs_name(crs: pyproj.CRS) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.name)


def _to_wgs84(frame: gpd.GeoDataFrame, path: Path) -> list[BaseGeometry | None]:
    """The shapes in degrees. A coordinate system that cannot be that of these numbers is found out here."""
    crs = frame.crs
    try:
        shapes = frame.geometry if crs.equals(WGS84, ignore_axis_order=True) else frame.geometry.to_crs(WGS84)
    except (ProjError, CRSError):
        raise ZoneError(f"{path.name}: {_crs_name(crs)} cannot be turned into longitude and latitude.") from None
    west, south, east, north = shapes.total_bounds
    used = crs.area_of_use if crs.is_projected else None
    margin = USE_MARGIN_DEGREES
    outside = used is not None and (
        north < used.south - margin
        or south > used.north + margin
        or (used.west <= used.east and (east < used.west - margin or west > used.east + margin))
    )
    if outside or np.isinf([west, south, east, north]).any():
        raise ZoneError(
            f"{path.name}: its coordinates cannot be in {_crs_name(crs)}: they lie far from where that is used.",
            hint="Say the right one with --crs, or correct the file.",
        )
    listed: list[BaseGeometry | None] = shapes.tolist()
    return listed


def _parts(
    frame: gpd.GeoDataFrame,
    shapes: Sequence[BaseGeometry | None],
    wanted: tuple[str, str | None, str | None],
    notes: dict[int, str],
    mended: list[str],
    left_out: list[str],
) -> list[_Part]:
    """The rows that are fit; what happened to each of the others goes to the lists."""
    name_field, id_field, dissolve = wanted
    names, ids, groups = (fields.texts(frame, field) for field in (name_field, id_field, dissolve))
    parts = []
    for row, shape in enumerate(shapes):
        called = names[row] or f"feature {row + 1}"
        try:
            geometry, how = _fit(shape)
            name = fields.usable_name(names[row], name_field)
        except ZoneError as error:
            left_out.append(f"{called}: {error.message}")
            continue
        how = (notes[row], *how) if row in notes else how
        mended.extend(f"{called}: {what}" for what in how)
        parts.append(_Part(name, ids[row] or None, groups[row] or name, geometry))
    return parts


def _fit(shape: BaseGeometry | None) -> tuple[Area, tuple[str, ...]]:
    if shape is None:
        raise ZoneError("It has no shape.")
    if "Polygon" not in shape.geom_type and shape.geom_type != "GeometryCollection":
        raise ZoneError(f"It is a {shape.geom_type}, not a polygon.")
    return clean(shape)


def _nothing_left(path: Path, left_out: Sequence[str]) -> ZoneError:
    """One sentence for the whole file, when all its rows fail for the same kind of reason."""
    reasons = Counter(line.partition(": ")[2] for line in left_out)
    if all("not a polygon" in reason for reason in reasons):
        kinds = ", ".join(sorted({reason.split()[3].rstrip(",") for reason in reasons}))
        return ZoneError(
            f"{path.name} holds no polygons, only {kinds}.", hint="Zones are areas: buffer lines and points first."
        )
    if any("outside the world" in reason for reason in reasons):
        reason = next(reason for reason in reasons if "outside the world" in reason)
        return ZoneError(f"{path.name}: {reason}", hint="Is it in another coordinate system? Say it with --crs.")
    return ZoneError(f"{path.name} holds no usable zone.", details=left_out[:SHOWN])


def _dissolved(parts: Sequence[_Part], mended: list[str]) -> list[CleanZone]:
    groups: dict[str, list[_Part]] = {}
    for part in parts:
        groups.setdefault(part.group, []).append(part)
    zones = []
    for group, members in groups.items():
        names, ids = {part.name for part in members}, {part.external_id for part in members}
        name = names.pop() if len(names) == 1 else group
        geometry, how = clean(shapely.union_all([part.geometry for part in members]))
        if len(members) > 1:
            mended.append(f"{name}: united {len(members)} parts")
        mended.extend(f"{name}: {what}" for what in how)
        zones.append(CleanZone(name, ids.pop() if len(ids) == 1 else None, geometry))
    return zones


def _refuse_doubles(zones: Sequence[CleanZone], name_field: str, dissolve: str | None) -> None:
    """Two zones of one name cannot be told apart by those who write alerts; nor can names that differ in case."""
    for what, values in (("name", [z.name.casefold() for z in zones]), ("id", [z.external_id for z in zones])):
        doubles = [value for value, count in Counter(values).items() if count > 1 and value is not None]
        if doubles:
            shown = ", ".join(doubles[:SHOWN]) + (" ..." if len(doubles) > SHOWN else "")
            hint = f"Choose another --{what}-field" + (
                f", or unite the parts of a zone with --dissolve {name_field}." if what == "name" else "."
            )
            raise ZoneError(f"{len(doubles)} {what}s occur more than once: {shown}.", hint=hint)
