"""Open an untrusted zip: check it before anything is unpacked, and unpack its files under names of our own."""

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from zones.errors import ZoneError

MAX_MEMBERS = 1_000
MAX_BYTES = 512 * 1024 * 1024  # unpacked; the parcels of the largest city are smaller
MAX_RATIO = 250  # unpacked to packed, above RATIO_FROM_BYTES; attribute tables are mostly spaces
RATIO_FROM_BYTES = 16 * 1024 * 1024
MAX_PATH = 250
# With other methods Python unpacks a whole block at once, which may exceed the size that was checked.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LINK = 0o120000  # the file type of a symbolic link, in the upper half of the attributes of a zip made on Unix


@contextmanager
def opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """Open an archive; yield it and its files. Raises ZoneError, on entry or later, if it is damaged or unsafe."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive, _checked(archive)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise ZoneError("The zip cannot be read.", hint="Make it again.", details=[str(error)[:100]]) from None


def unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, to: Path) -> Path:
    """Unpack a file to a name of our own: no name from the zip reaches the file system or GDAL.

    zipfile returns no more bytes than the size that was checked.
    """
    with archive.open(member) as packed, to.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    return to


def parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the folders of a member and its own name."""
    return PurePosixPath(member.filename.replace("\\", "/")).parts


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members that are files, after checking that they are safe to unpack."""
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    if len(members) > MAX_MEMBERS:
        raise ZoneError(f"The zip holds {len(members)} files.", hint=f"At most {MAX_MEMBERS} are read.")
    total, packed = sum(x.file_size for x in members), sum(x.compress_size for x in members)
    if total > MAX_BYTES or (total > RATIO_FROM_BYTES and total > MAX_RATIO * packed):
        raise ZoneError(
            f"The zip unpacks to {total // 1024**2} MB from {packed // 1024} kB, which is too much.",
            hint=f"Leave out everything but the zones; at most {MAX_BYTES // 1024**2} MB are read.",
        )
    for member in members:
        _check(member)
    # Leave out the files that macOS adds beside each file, with the same extension.
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
        raise ZoneError("The zip has an unusual compression method.", hint="Make it again with deflate.")
