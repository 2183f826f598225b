"""Read an untrusted, zipped Shapefile with GDAL's driver for it.

The .shp file is required. Without .shx the index is rebuilt, without .dbf the shapes have no fields, and without .prj
the coordinate system must be given.
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import geopandas as gpd

from zones.errors import ZoneError
from zones.files import archives, fields, gdal, layers

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_MAGIC = b"\x00\x00\x27\x0a"  # ESRI Shapefile Technical Description, July 1998, p. 3: file code 9994, big endian
_MOST = 0.5  # share of non-ASCII texts that must be valid UTF-8; the others may be truncated or damaged
_NO_UTF8 = re.compile("[\udc80-\udcff]")  # how Python decodes a byte that is not UTF-8 (PEP 383)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")


def read(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], folder: Path, layer: str | None, encoding: str | None
) -> tuple[gpd.GeoDataFrame, tuple[str, ...], tuple[str, ...]]:
    """Read the shapes and attributes of a Shapefile in a zip, in its own coordinate system. Return them, notes, and
    doubts that must be confirmed.

    `layer` is its name without `.shp`, if the zip has several. Raises ZoneError.
    """
    files = _choose(members, layer)
    if encoding is not None:
        encoding = fields.known_encoding(encoding)
        files.pop(".cpg", None)  # GDAL would use its encoding instead
    for suffix in _PARTS:
        if suffix in files:
            archives.unpack(archive, files[suffix], folder / f"zones{suffix}")
    shp = folder / "zones.shp"
    # GDAL chooses by content: without this check, a VRT named .shp could make it open any file or URL.
    with shp.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ZoneError("The .shp file in the zip is not a Shapefile.", hint="Export it again.")
    notes, doubts = [], []
    if ".shx" not in files:
        notes.append("rebuilt the missing .shx file")
    if ".dbf" not in files:
        notes.append("it has no .dbf file, so its shapes have no fields")
    elif encoding is None and (broken := _made_utf8(shp.with_suffix(".dbf"))) is not None:
        encoding = "UTF-8"
        if not _says_utf8(shp):
            notes.append("read its texts as UTF-8, although it does not declare it")
        if broken:
            doubts.append(
                f"Most of its texts are UTF-8, but in {broken} of them letters could not be read and became ?. If it "
                "is in another encoding, give --encoding."
            )
        shp.with_suffix(".cpg").unlink(missing_ok=True)  # GDAL would use its encoding instead
    return gdal.read(shp, "zones", "Shapefile", encoding=encoding), tuple(notes), tuple(doubts)


def found_in(members: Sequence[zipfile.ZipInfo]) -> bool:
    return any(archives.parts(member)[-1].lower().endswith(".shp") for member in members)


def _choose(members: Sequence[zipfile.ZipInfo], layer: str | None) -> dict[str, zipfile.ZipInfo]:
    """Return the files of one Shapefile, by extension."""
    by_stem: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for member in members:
        path = PurePosixPath(*archives.parts(member))
        by_stem.setdefault(str(path.with_suffix("")).casefold(), {})[path.suffix.lower()] = member
    found = [files for files in by_stem.values() if ".shp" in files]
    stems = [PurePosixPath(files[".shp"].filename).stem for files in found]
    # Shapefiles of the same name in different folders are named with their folder.
    names = [
        stem if stems.count(stem) == 1 else str(PurePosixPath(files[".shp"].filename).with_suffix(""))
        for stem, files in zip(stems, found, strict=True)
    ]
    return dict(zip(names, found, strict=True))[layers.choose(names, layer, "The zip", "Shapefiles")]


def _says_utf8(shp: Path) -> bool:
    cpg = shp.with_suffix(".cpg")
    return cpg.exists() and cpg.read_bytes().strip().upper().replace(b"-", b"") in (b"UTF8", b"65001")


def _made_utf8(dbf: Path) -> int | None:
    """Replace invalid UTF-8 in a table by ? and return the number of texts with it. Return None if the table is ASCII
    only or most of its texts are in another encoding.

    The .cpg file and the code page are ignored because they are often wrong, which gives `PeÃ±a Blanca`.
    """
    content = dbf.read_bytes()
    header = int.from_bytes(content[8:10], "little")  # its size in bytes
    records = content[header:]
    # UTF-8 uses no ASCII bytes in multi-byte characters, so each run of other bytes can be checked by itself.
    found = [_with_marks(run) for run in _BEYOND_ASCII.findall(records)]
    broken = sum(b"?" in run for run in found)
    if broken >= len(found) * _MOST:
        return None
    if broken:
        dbf.write_bytes(content[:header] + _BEYOND_ASCII.sub(lambda run: _with_marks(run[0]), records))
    return broken


def _with_marks(run: bytes) -> bytes:
    """Replace each byte that is not UTF-8 by ?; the length stays the same."""
    return _NO_UTF8.sub("?", run.decode("utf-8", "surrogateescape")).encode()
