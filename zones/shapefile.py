"""A zipped Shapefile from a stranger: looked at before anything is unpacked, and opened by GDAL's one driver for it."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError
from shapely.errors import ShapelyError

from zones.errors import ZoneError

MAX_MEMBERS = 1_000
MAX_BYTES = 512 * 1024 * 1024  # unpacked; the largest city's parcels are smaller
MAX_RATIO = 250  # unpacked to packed, from a size where it matters: attribute tables are mostly blanks
RATIO_FROM_BYTES = 16 * 1024 * 1024
_NEEDED, _WELCOME = (".shp", ".shx", ".dbf"), (".prj", ".cpg")
# Python unpacks a whole block of the others at once, and so may swell far beyond the size that was checked.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAGIC = b"\x00\x00\x27\x0a"  # ESRI Shapefile Technical Description, July 1998, p. 3: file code 9994, big endian


def read_zip(path: Path, layer: str | None = None) -> gpd.GeoDataFrame:
    """The shapes and attributes of the Shapefile in a zip, in its own coordinate system.

    `layer` is its name without `.shp`, where the zip holds several. Raises ZoneError.
    """
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="tocsin-zones-") as folder:
            shp = _choose(_checked(archive), layer)
            return _open(_unpack(archive, shp, Path(folder)))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise ZoneError("The zip cannot be read.", hint="Make it again.", details=[str(error)[:100]]) from None


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members that are files, after a look at what unpacking them would mean."""
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    if len(members) > MAX_MEMBERS:
        raise ZoneError(f"The zip holds {len(members)} files.", hint=f"At most {MAX_MEMBERS} are read.")
    total, packed = sum(x.file_size for x in members), sum(x.compress_size for x in members)
    if total > MAX_BYTES or (total > RATIO_FROM_BYTES and total > MAX_RATIO * packed):
        raise ZoneError(f"The zip unpacks to {total // 1024**2} MB from {packed // 1024} kB: it is not read.")
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if not name.parts or name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
            raise ZoneError(f"The zip holds a file with an unsafe path: {member.filename[:80]!r}.")
        if member.flag_bits & 0x1:
            raise ZoneError("The zip is encrypted.", hint="Make it again without a password.")
        if member.compress_type not in _METHODS:
            raise ZoneError(
                "The zip is packed by an unusual method.", hint="Make it again with the usual one, deflate."
            )
    # What macOS adds beside each file has the same ending, but is none of it.
    return [x for x in members if not x.filename.startswith("__MACOSX/") and not Path(x.filename).name.startswith("._")]


def _choose(members: Sequence[zipfile.ZipInfo], layer: str | None) -> dict[str, zipfile.ZipInfo]:
    """The files of one Shapefile, by ending."""
    by_stem: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for member in members:
        path = PurePosixPath(member.filename)
        by_stem.setdefault(str(path.with_suffix("")).casefold(), {})[path.suffix.lower()] = member
    found = {PurePosixPath(files[".shp"].filename).stem: files for files in by_stem.values() if ".shp" in files}
    layers = ", ".join(sorted(found))
    if not found:
        raise ZoneError("The zip holds no Shapefile.", hint="Zip the .shp, .shx, .dbf and .prj files together.")
    if layer is None and len(found) > 1:
        raise ZoneError("The zip holds several Shapefiles.", hint=f"Say --layer, one of: {layers}.")
    if layer is not None and layer not in found:
        raise ZoneError(f"The zip holds no layer {layer!r}.", hint=f"It holds: {layers}.")
    files = next(iter(found.values())) if layer is None else found[layer]
    missing = [suffix for suffix in _NEEDED if suffix not in files]
    if missing:
        raise ZoneError(f"The Shapefile lacks its {' and '.join(missing)} file.", hint="Zip all of its files together.")
    return files


def _unpack(archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo], folder: Path) -> Path:
    """Under names of ours: no name from the zip reaches the file system or GDAL.

    zipfile hands out no more than the sizes that were checked, whatever the packed data would swell to.
    """
    for suffix in (*_NEEDED, *_WELCOME):
        if suffix in files:
            with archive.open(files[suffix]) as packed, (folder / f"zones{suffix}").open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
    return folder / "zones.shp"


def _open(shp: Path) -> gpd.GeoDataFrame:
    # GDAL goes by content: without this look, a .shp that is a VRT could send it to any file or address.
    with shp.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ZoneError("The .shp file in the zip is not a Shapefile.")
    try:
        return pyogrio.read_dataframe(shp, datetime_as_string=True)
    except UnboundLocalError:  # what pyogrio 0.13 makes of a .prj that is not UTF-8
        raise ZoneError("Its .prj file cannot be read.", hint="Take it out of the zip and say --crs.") from None
    except (DataSourceError, DataLayerError, FieldError, GeometryError, ShapelyError, ValueError) as error:
        raise ZoneError("The Shapefile cannot be read.", details=[_first_line(error, shp)]) from None


def _first_line(error: Exception, shp: Path) -> str:
    line = str(error).replace(str(shp.parent) + "/", "").strip().splitlines()
    return line[0][:200] if line else type(error).__name__
