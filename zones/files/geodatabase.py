"""An Esri file geodatabase (a folder `something.gdb`) from a stranger, zipped, opened by GDAL's one driver for it."""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd

from zones.errors import ZoneError
from zones.files import archives, gdal, layers

# Tables and what finds rows in them. Indices of values and shapes are left out: they are not needed to read it all.
_PART = re.compile(r"a[0-9a-f]{8}\.(gdbtable|gdbtablx)|gdb|timestamps")


def found_in(members: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The geodatabases in a zip: their folders, and an empty one for parts that lie at its top."""
    folders = {"/".join(archives.parts(x)[:-1]) for x in members if archives.parts(x)[-1].endswith(".gdbtable")}
    return sorted(folders)


def read(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], folder: Path, layer: str | None
) -> gpd.GeoDataFrame:
    """A feature class with its shapes, in its own coordinate system. Raises ZoneError."""
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
