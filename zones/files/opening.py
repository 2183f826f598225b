"""Open files of shapes: each format has a reader that makes a table of it. The table is in WGS 84.

Files are untrusted: only the readers below open them, and none follows a URL or path that a file names.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import geopandas as gpd
import pyproj
from shapely.geometry.base import BaseGeometry

from zones import gate, geojson, geometry
from zones.errors import ZoneError
from zones.files import archives, crs, gdal, geodatabase, geopackage, kml, shapefile, topojson
from zones.files.zonefile import Options

MAX_JSON_BYTES = 256 * 1024 * 1024
PARTIAL = "The server sent only part of it (exceededTransferLimit), and an import would remove the rest."
MAX_CELLS = 5_000_000  # features times fields: a separate field for each feature would fill the memory


@dataclass(frozen=True, slots=True)
class Table:
    """Shapes in WGS 84 with their attributes, a row each."""

    frame: gpd.GeoDataFrame
    fields: tuple[str, ...]
    crs: str  # of the file, as EPSG:n if it has a number
    mended: dict[int, str]  # by row: what was repaired while reading
    notes: tuple[str, ...]  # about the file
    faults: dict[int, ZoneError] = field(default_factory=dict)  # by row: why its shape cannot be read
    doubts: tuple[str, ...] = ()  # about the file, to be confirmed

    @property
    def shapes(self) -> list[BaseGeometry | None]:
        listed: list[BaseGeometry | None] = self.frame.geometry.tolist()
        return listed


@dataclass(frozen=True, slots=True)
class _Read:
    """The result of a reader: shapes in the coordinate system that the file declares, if any."""

    frame: gpd.GeoDataFrame
    default: pyproj.CRS | None = None  # the format's default coordinate system
    gaps: dict[int, Sequence[geojson.Gap]] = field(default_factory=dict)  # by row: in rings that were closed
    notes: tuple[str, ...] = ()
    faults: dict[int, ZoneError] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def open_table(path: Path, options: Options) -> Table:
    """Open a file. Raises ZoneError if its format is unknown, or it cannot be read or placed on the map."""
    if not path.is_file():
        raise ZoneError("There is no such file.", hint="Zip the folder." if path.is_dir() else "")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        if path.suffix.lower() in (".csv", ".xlsx", ".xls", ".txt"):
            raise _is_table()
        whole = "Zip it together with its .dbf, .shx and .prj files." if path.suffix.lower() == ".shp" else ""
        raise ZoneError("Files of this kind cannot be imported.", hint=whole or f"Give one of: {', '.join(READERS)}.")
    given = None if options.crs is None else crs.known(options.crs)
    try:
        read = reader(path, options)
    except OSError as error:
        raise ZoneError(f"It cannot be read: {error.strerror or 'the disk or the file is damaged'}.") from None
    frame = read.frame
    if frame.empty:
        raise ZoneError("It holds no features.", hint="Is it the right file, or the right layer?")
    if not isinstance(frame, gpd.GeoDataFrame):
        raise ZoneError("It is a table without shapes.", hint="Give the file or the layer that holds the shapes.")
    broken = ZoneError("Its shape cannot be read: it is damaged.", hint="Check it, and export it again.")
    open_rings = read.gaps | gdal.gaps(frame)
    faults = read.faults | dict.fromkeys(gdal.unreadable(frame), broken)
    frame = frame.set_geometry(gpd.GeoSeries(gate.admit_all(frame.geometry.array), index=frame.index, crs=frame.crs))
    own = frame.crs
    frame = frame.set_crs(crs.agreed(own, given, read.default), allow_override=True)
    notes = (*read.notes, *crs.overruled(own, given))
    placed = crs.in_wgs84(crs.swapped(frame) if options.swap_axes else frame)
    names = tuple(str(column) for column in frame.columns if column != frame.geometry.name)
    doubts = (*read.doubts, *crs.doubts(frame.crs, placed))
    closed = {row: geometry.closed(_on_the_map(gaps, frame.crs, options.swap_axes)) for row, gaps in open_rings.items()}
    return Table(placed, names, crs.name_of(frame.crs), closed, notes, faults, doubts)


def _on_the_map(gaps: Sequence[geojson.Gap], own: pyproj.CRS, swap_axes: bool) -> list[geojson.Gap]:
    """Convert gaps to WGS 84, as their shapes are."""
    forward = pyproj.Transformer.from_crs(own, crs.WGS84, always_xy=True).transform
    turned = ((end[::-1] if swap_axes else end for end in gap) for gap in gaps)
    return [(forward(*last), forward(*first)) for last, first in turned]


def _read_json(path: Path, options: Options) -> _Read:
    """Read GeoJSON of any age, newline-delimited or as a sequence, and TopoJSON. The default is WGS 84 (RFC 7946,
    section 4)."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ZoneError(f"It is larger than {MAX_JSON_BYTES // 1024**2} MB.", hint="Simplify or split it.")
    document = _document(path)
    declared = geojson.declared_crs(document)
    own = None if declared is None else crs.WGS84 if geometry.is_wgs84(declared) else crs.known(declared)
    if document["type"] == "Topology":
        found = topojson.features(document, options.layer)
    else:
        _has_no_layers(options, "A GeoJSON file")
        found = geojson.features(document)
    doubts = (PARTIAL,) if geojson.is_partial(document) else ()
    return replace(_of_features(found, own, default=crs.WGS84), doubts=doubts)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ZoneError("It is not UTF-8 text, which GeoJSON must be.", hint="Save it as UTF-8.") from None
    if text.lstrip("\ufeff \t\r\n").startswith("\x1e") or _has_many(text):
        return geojson.load_lines(text)
    document = geojson.load(text, compact=True)
    # The coordinates of a topology must be transformed before they can be made shapes.
    return geojson.load(text) if document["type"] == "Topology" else document


def _has_many(text: str) -> bool:
    """Return whether another document follows the one on the first line."""
    first, _, rest = text.lstrip().partition("\n")
    if not first.rstrip().endswith("}") or not rest.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _read_kml(path: Path, options: Options) -> _Read:
    _has_no_layers(options, "A KML file")
    found, notes = kml.read(path)
    return _of_features(found, crs.WGS84, notes)  # OGC 12-007r2, section 6.2


def _read_kmz(path: Path, options: Options) -> _Read:
    found, notes = kml.read_kmz(path, options.layer)
    return _of_features(found, crs.WGS84, notes)


def _read_geopackage(path: Path, options: Options) -> _Read:
    return _Read(geopackage.read(path, options.layer))


def _read_zip(path: Path, options: Options) -> _Read:
    with (
        archives.opened(path) as (archive, members),
        tempfile.TemporaryDirectory(prefix="tocsin-zones-") as folder,
    ):
        if geodatabase.found_in(members):
            return _Read(geodatabase.read(archive, members, Path(folder), options.layer))
        if shapefile.found_in(members):
            frame, notes, doubts = shapefile.read(archive, members, Path(folder), options.layer, options.encoding)
            return _Read(frame, notes=notes, doubts=doubts)
        inside = {PurePosixPath(member.filename).suffix.lower() for member in members}
        if other := inside & {".geojson", ".json", ".kml", ".gpkg"}:
            raise ZoneError(f"The zip holds a {min(other)} file.", hint="Unzip it and use that file.")
        if ".csv" in inside:
            raise _is_table()
    raise ZoneError(
        "The zip holds no Shapefile and no file geodatabase.", hint="Zip the .shp, .shx, .dbf and .prj files together."
    )


Reader = Callable[[Path, Options], _Read]
READERS: dict[str, Reader] = {
    **dict.fromkeys((".geojson", ".json", ".topojson", ".geojsonl", ".geojsons", ".ndjson"), _read_json),
    ".kml": _read_kml,
    ".kmz": _read_kmz,
    ".gpkg": _read_geopackage,
    ".zip": _read_zip,
}


def _is_table() -> ZoneError:
    return ZoneError(
        "It is a table, but zones are shapes.",
        hint="Export the layer with its shapes, as GeoJSON, GeoPackage or a zipped Shapefile.",
    )


def _has_no_layers(options: Options, what: str) -> None:
    if options.layer is not None:
        raise ZoneError(f"{what} has no layers.", hint="Leave --layer out.")


def _of_features(
    found: Sequence[geojson.Feature],
    own: pyproj.CRS | None,
    notes: tuple[str, ...] = (),
    default: pyproj.CRS | None = None,
) -> _Read:
    gaps: dict[int, Sequence[geojson.Gap]] = {}
    shapes: list[BaseGeometry | None] = []
    faults: dict[int, ZoneError] = {}
    for row, feature in enumerate(found):
        try:
            shapes.append(None if feature.geometry is None else geojson.to_shape(feature.geometry))
        except ZoneError as error:
            faults[row] = error
            shapes.append(None)
            continue
        if feature.geometry is not None and (found_gaps := geojson.gaps(feature.geometry)):
            gaps[row] = found_gaps
    names = dict.fromkeys(name for feature in found for name in feature.properties if name != "geometry")
    if len(names) * len(found) > MAX_CELLS:
        raise ZoneError(f"Its {len(found)} features have {len(names)} different fields.", hint="Leave most fields out.")
    columns = {name: [feature.properties.get(name) for feature in found] for name in names}
    return _Read(gpd.GeoDataFrame(columns, geometry=shapes, crs=own), default, gaps, notes, faults)
