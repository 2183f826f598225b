"""A zipped Shapefile from a stranger, opened by GDAL's one driver for it.

Its .shp file must be there. Without .shx the index is made anew, without .dbf its shapes have no fields, and without
.prj the coordinate system must be said.
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
_MOST = 0.5  # of the texts beyond ASCII: so many are UTF-8 where the others are cut or damaged, and none by chance
_NO_UTF8 = re.compile("[\udc80-\udcff]")  # what Python makes of such a byte (PEP 383)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")


def read(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], folder: Path, layer: str | None, encoding: str | None
) -> tuple[gpd.GeoDataFrame, tuple[str, ...], tuple[str, ...]]:
    """The shapes and attributes of a Shapefile in a zip, in its own coordinate system; what was odd about it, and what
    about it must be confirmed.

    `layer` is its name without `.shp`, where the zip holds several. Raises ZoneError.
    """
    files = _choose(members, layer)
    if encoding is not None:
        encoding = fields.known_encoding(encoding)
        files.pop(".cpg", None)  # which would be believed
    for suffix in _PARTS:
        if suffix in files:
            archives.unpack(archive, files[suffix], folder / f"zones{suffix}")
    shp = folder / "zones.shp"
    # GDAL goes by content: without this look, a .shp that is a VRT could send it to any file or address.
    with shp.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ZoneError("The .shp file in the zip is not a Shapefile.", hint="Export it again.")
    notes, doubts = [], []
    if ".shx" not in files:
        notes.append("made the missing .shx file anew")
    if ".dbf" not in files:
        notes.append("it has no .dbf file, so its shapes have no fields")
    elif encoding is None and (broken := _made_utf8(shp.with_suffix(".dbf"))) is not None:
        encoding = "UTF-8"
        if not _says_utf8(shp):
            notes.append("read its texts as UTF-8, which they are, although it does not say so")
        if broken:
            doubts.append(
                f"Most of its texts are UTF-8, but {broken} cannot be read as that and have ? there. If it is in "
                "another encoding, say --encoding."
            )
        shp.with_suffix(".cpg").unlink(missing_ok=True)  # which GDAL would believe
    return gdal.read(shp, "zones", "Shapefile", encoding=encoding), tuple(notes), tuple(doubts)


def found_in(members: Sequence[zipfile.ZipInfo]) -> bool:
    return any(archives.parts(member)[-1].lower().endswith(".shp") for member in members)


def _choose(members: Sequence[zipfile.ZipInfo], layer: str | None) -> dict[str, zipfile.ZipInfo]:
    """The files of one Shapefile, by ending."""
    by_stem: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for member in members:
        path = PurePosixPath(*archives.parts(member))
        by_stem.setdefault(str(path.with_suffix("")).casefold(), {})[path.suffix.lower()] = member
    found = [files for files in by_stem.values() if ".shp" in files]
    stems = [PurePosixPath(files[".shp"].filename).stem for files in found]
    # Two of one name in different folders are told apart by the folder.
    names = [
        stem if stems.count(stem) == 1 else str(PurePosixPath(files[".shp"].filename).with_suffix(""))
        for stem, files in zip(stems, found, strict=True)
    ]
    return dict(zip(names, found, strict=True))[layers.choose(names, layer, "The zip", "Shapefiles")]


def _says_utf8(shp: Path) -> bool:
    cpg = shp.with_suffix(".cpg")
    return cpg.exists() and cpg.read_bytes().strip().upper().replace(b"-", b"") in (b"UTF8", b"65001")


def _made_utf8(dbf: Path) -> int | None:
    """How many texts of a table are broken UTF-8, once ? stands in the file for what cannot be read of them. None where
    it holds ASCII only, or most of its texts are in another encoding.

    What its .cpg file or its code page say does not matter: `PeÃ±a Blanca` comes of believing them.
    """
    content = dbf.read_bytes()
    header = int.from_bytes(content[8:10], "little")  # its size in bytes
    records = content[header:]
    # No byte of a character that UTF-8 writes in several is ASCII, so each run can be looked at alone.
    found = [_with_marks(run) for run in _BEYOND_ASCII.findall(records)]
    broken = sum(b"?" in run for run in found)
    if broken >= len(found) * _MOST:
        return None
    if broken:
        dbf.write_bytes(content[:header] + _BEYOND_ASCII.sub(lambda run: _with_marks(run[0]), records))
    return broken


def _with_marks(run: bytes) -> bytes:
    """As many bytes, with ? for each that is not UTF-8."""
    return _NO_UTF8.sub("?", run.decode("utf-8", "surrogateescape")).encode()
