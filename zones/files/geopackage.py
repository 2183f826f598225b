"""Read an untrusted GeoPackage, an SQLite database that is checked before GDAL's driver for it opens it.

A database can contain code that runs when it is read (views, computed columns, modules). A GeoPackage of zones needs
none of it, so one that has it is refused.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import geopandas as gpd

from zones.errors import ZoneError
from zones.files import gdal, layers

MAX_BYTES = 512 * 1024 * 1024
_MAGIC = b"SQLite format 3\x00"  # SQLite file format, section 1.3
_VIRTUAL = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)
_SPATIAL_INDEX = re.compile(r'create virtual table ("(?:[^"]|"")*"|\w+) using rtree\s*\(', re.IGNORECASE)
_COMPUTED = (2, 3)  # `hidden` in PRAGMA table_xinfo, for a computed column


def read(path: Path, layer: str | None) -> gpd.GeoDataFrame:
    """Read a layer with its shapes, in its own coordinate system. Raises ZoneError."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ZoneError("It is not a GeoPackage.", hint="Export it again.")
    if path.stat().st_size > MAX_BYTES:
        raise ZoneError(f"It is larger than {MAX_BYTES // 1024**2} MB.", hint="Leave out everything but the zones.")
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise ZoneError("Another program has it open, and part of it is not in the file yet.", hint="Close it there.")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)) as database:
            chosen = _look_at(database, layer)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise ZoneError("The GeoPackage cannot be read.", hint="Export it again.", details=[str(error)[:100]]) from None
    return gdal.read(path, chosen, "GeoPackage", IMMUTABLE="YES")


def _look_at(database: sqlite3.Connection, layer: str | None) -> str:
    """Return the layer to read. Raises ZoneError if reading the database would run code in it."""
    database.execute("PRAGMA trusted_schema = OFF")
    schema = database.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
    schema = [(kind, str(name).lower(), sql) for kind, name, sql in schema]  # SQLite's lower() handles ASCII only
    kinds = {name: kind for kind, name, _ in schema if kind in ("table", "view")}
    if any(kinds.get(name) != "table" for name in ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")):
        raise ZoneError("It is an SQLite database, but not a GeoPackage.", hint="Export it again.")
    for kind, name, sql in schema:
        if kind == "view" and name.startswith("gpkg_"):
            raise ZoneError(f"Its table {name[:60]!r} is a view, not a table.", hint="Export it again.")
        if _VIRTUAL.match(sql) and not _SPATIAL_INDEX.match(sql):
            raise ZoneError(f"Its table {name[:60]!r} needs an SQLite module.", hint="Export it again.")
    found = [
        str(name)
        for (name,) in database.execute(
            "SELECT c.table_name FROM gpkg_contents c JOIN gpkg_geometry_columns g ON g.table_name = c.table_name "
            "WHERE c.data_type = 'features'"
        )
    ]
    if not found:
        raise ZoneError("It holds no layer of shapes.", hint="Export the zones into a layer of features.")
    chosen = layers.choose(found, layer, "The GeoPackage")
    if kinds.get(chosen.lower()) != "table":
        raise ZoneError(f"Its layer {chosen[:60]!r} is a view, not a table.", hint="Export it as a layer of its own.")
    columns = database.execute("SELECT hidden FROM pragma_table_xinfo(?)", (chosen,))
    if any(hidden in _COMPUTED for (hidden,) in columns):
        raise ZoneError(f"Its layer {chosen[:60]!r} has computed columns.", hint="Export it as a layer of its own.")
    return chosen
