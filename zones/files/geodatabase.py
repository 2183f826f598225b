"""Read an untrusted, zipped Esri file geodatabase (a folder `something.gdb`) with GDAL's driver for it."""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd

from zones.errors import ZoneError
from zones.files import archives, gdal, layers

# Tables and their row offsets. Attribute and spatial indexes are left out; reading all rows does not need them.
_PART = re.compile(r"a[0-9a-f]{8}\.(gdbtable|gdbtablx)|gdb|timestamps")


def found_in(members: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the folders of the geodatabases in a zip; "" for one at its top level."""
    folders = {"/".join(archives.parts(x)[:-1]) for x in members if archives.parts(x)[-1].endswith(".gdbtable")}
    return sorted(folders)


def read(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], folder: Path, layer: str | None
) -> gpd.GeoDataFrame:
    """Read a feature class with its shapes, in its own coordinate system. Raises ZoneError."""
    databases = found_in(members)
    if len(databases) > 1:
        raise ZoneError("The zip holds several geodatabases.", hint="Zip one of them by itself.")
    gdb = folder / "zones.gdb"
    gdb.mkdir()
    for member in members:
        *parents, name = archives.parts(member)
        if "/".join(parents) == databases[0] and _PART.fullmatch(name.lower()):
            archives.unpack(archive, member, gdb / name.lower())
    found = gdal.layers(gdb, "geodatabase")
    if not found:
        raise ZoneError("The geodatabase holds no feature class.", hint="Export the zones as GeoJSON or Shapefile.")
    return gdal.read(gdb, layers.choose(found, layer, "The geodatabase"), "geodatabase")
