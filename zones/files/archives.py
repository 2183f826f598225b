"""A zip from a stranger: looked at before anything is unpacked, and unpacked under names of ours."""

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from zones.errors import ZoneError

MAX_MEMBERS = 1_000
MAX_BYTES = 512 * 1024 * 1024  # unpacked; the largest city's parcels are smaller
MAX_RATIO = 250  # unpacked to packed, from a size where it matters: attribute tables are mostly blanks
RATIO_FROM_BYTES = 16 * 1024 * 1024
MAX_PATH = 250
# Python unpacks a whole block of the others at once, and so may swell far beyond the size that was checked.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LINK = 0o120000  # the file type of a symbolic link, in the upper half of the attributes of a zip made on Unix


@contextmanager
def opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """The archive and its files. Raises ZoneError for what cannot be a zip of zones, then or while it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive, _checked(archive)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise ZoneError("The zip cannot be read.", hint="Make it again.", details=[str(error)[:100]]) from None


def unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, to: Path) -> Path:
    """To a name of ours: none from the zip reaches the file system or GDAL.

    zipfile hands out no more than the sizes that were checked, whatever the packed data would swell to.
    """
    with archive.open(member) as packed, to.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    return to


def parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    """The folders of a member and its own name."""
    return PurePosixPath(member.filename.replace("\\", "/")).parts


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members that are files, after a look at what unpacking them would mean."""
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    if len(members) > MAX_MEMBERS:
        raise ZoneError(f"The zip holds {len(members)} files.", hint=f"At most {MAX_MEMBERS} are read.")
    total, packed = sum(x.file_size for x in members), sum(x.compress_size for x in members)
    if total > MAX_BYTES or (total > RATIO_FROM_BYTES and total > MAX_RATIO * packed):
        raise ZoneError(
            f"The zip unpacks to {total // 1024**2} MB from {packed // 1024} kB: it is not read.",
            hint=f"Leave out what is not zones; at most {MAX_BYTES // 1024**2} MB are read.",
        )
    for member in members:
        _check(member)
    # What macOS adds beside each file has the same ending, but is none of it.
    return [x for x in members if parts(x)[0] != "__MACOSX" and not parts(x)[-1].startswith("._")]


def _check(member: zipfile.ZipInfo) -> None:
    folders = parts(member)
    is_path = bool(folders) and not folders[0].startswith("/") and ".." not in folders and ":" not in folders[0]
    if not is_path or len(member.filename) > MAX_PATH or (member.external_attr >> 16) & 0o170000 == _LINK:
        raise ZoneError(
            f"The zip holds a file with an unsafe path: {member.filename[:80]!r}.",
            hint="Zip the files themselves, without links or paths that lead out of the zip.",
        )
    if member.flag_bits & 0x1:
        raise ZoneError("The zip is encrypted.", hint="Make it again without a password.")
    if member.compress_type not in _METHODS:
        raise ZoneError("The zip is packed by an unusual method.", hint="Make it again with the usual one, deflate.")
