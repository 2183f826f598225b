"""Read a file of zones that somebody has uploaded."""

import re
import tempfile
from pathlib import Path

from fastapi import UploadFile

from zones.errors import one_line
from zones.files import quarantine
from zones.files.zonefile import Options, ZoneFile

_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")


def source_of(file: UploadFile) -> str:
    """Return the name under which the zones of this file are kept."""
    return one_line(Path(file.filename or "upload").name)[-200:]


def read_zones(file: UploadFile, options: Options, *, seconds: float | None = None) -> ZoneFile:
    """Return the zones of the file, read by the reader process. Raises ZoneError."""
    with tempfile.TemporaryDirectory(prefix="tocsin-") as folder:
        return quarantine.read_zones(_save(file, Path(folder)), options, called=source_of(file), seconds=seconds)


def _save(file: UploadFile, folder: Path) -> Path:
    """Save to a file with its suffix, by which its format is known; nothing else of its name is believed."""
    suffix = Path(file.filename or "").suffix.lower()
    path = folder / f"zones{suffix if _SUFFIX.fullmatch(suffix) else ''}"
    with path.open("wb") as copy:
        while piece := file.file.read(2**20):
            copy.write(piece)
    return path
