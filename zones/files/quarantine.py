"""Read untrusted files: each is opened by a process of its own, and only the answer of that process is read here.

Parsers of old formats are large, and some files are made to exploit them. The other process has little time, little
memory, three of GDAL's drivers and none of our secrets. Its answer consists of names, text and shapes and is read as
nothing else. If that process is compromised or is ended because it took too much, only one import fails.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import shapely

from zones.addresses.rows import BadRow
from zones.errors import naming
from zones.files import reader
from zones.files.frames import Frame
from zones.files.rowfile import RowFile, RowKind
from zones.files.zonefile import CleanZone, Mending, Options, ZoneFile
from zones.geometry import from_wkb

SECONDS = 7.0  # from the start of the process, so that a whole command stays below ten seconds
SECONDS_PER_MB, SECONDS_PER_PACKED_MB = 3.0, 10.0  # for each megabyte after the first
LONGEST_S = 120.0
MEGABYTES = 1024
AS_USUAL = Options()
# A file of rows may have all houses of a city: 200,000 addresses are 8 MB of CSV and take 5 s on a slow machine.
ROWS_SECONDS, ROWS_SECONDS_PER_MB = 20.0, 5.0
ROWS_MEGABYTES = 3 * 1024  # a Shapefile or GeoPackage is read as a whole; one with 500,000 addresses takes 2 GB


def read_zones(
    path: Path, options: Options = AS_USUAL, *, called: str = "", seconds: float | None = None, **more: Any
) -> ZoneFile:
    """Read the zones of an untrusted file. `called`: its name in errors; `more`: single options by name.

    Raises ZoneError, within about `seconds` whatever the file contains; by default the time grows with its size.
    """
    seconds = seconds_for(path) if seconds is None else seconds
    task = {"read": "zones", "options": asdict(replace(options, **more)), "megabytes": MEGABYTES}
    with (
        naming(called or path.name),
        reader.answering({"path": str(path.resolve()), **task}, seconds) as frames,
        _in_order(),
    ):
        (frame,) = frames
        return _zones(frame)


def seconds_for(path: Path) -> float:
    """Return the default time limit for reading a file of zones, which grows with its size."""
    if not path.is_file():
        return SECONDS
    per_mb = SECONDS_PER_PACKED_MB if path.suffix.lower() in (".zip", ".kmz") else SECONDS_PER_MB
    return min(SECONDS + per_mb * max(path.stat().st_size / 1e6 - 1, 0.0), LONGEST_S)


@contextmanager
def read_rows(
    kind: RowKind[Any],
    path: Path,
    options: Mapping[str, Any],
    *,
    called: str = "",
    seconds: float | None = None,
) -> Iterator[RowFile[Any]]:
    """Open an untrusted file of addresses, streets, landmarks or map shapes. Its rows are yielded as they are read.

    `options` are the arguments of the kind's own reader (`zones.files.quarantined.READERS`). Entering the context or
    iterating over the rows raises ZoneError if the file cannot be used, or if we have waited for the reader longer than
    `seconds` in all (by default a time that grows with the file).
    """
    called = called or path.name
    size_mb = path.stat().st_size / 1e6 if path.is_file() else 0.0
    seconds = ROWS_SECONDS + ROWS_SECONDS_PER_MB * size_mb if seconds is None else seconds
    task = {"read": kind.name, "options": dict(options), "megabytes": ROWS_MEGABYTES}
    with reader.answering({"path": str(path.resolve()), **task}, seconds) as frames:
        with naming(called), _in_order():
            head = next(frames)
            notes, doubts = (tuple(map(str, head.document[about])) for about in ("notes", "doubts"))
        yield RowFile(notes, _rows(kind, frames, called), doubts)


def _rows(kind: RowKind[Any], frames: Iterator[Frame], called: str) -> Iterator[Any]:
    with naming(called):
        for frame in frames:
            with _in_order():
                rows = list(_unpacked(kind, frame))
            yield from rows


def _unpacked(kind: RowKind[Any], frame: Frame) -> Iterator[Any]:
    shapes = iter(frame.shapes)
    for packed in frame.document["rows"]:
        if isinstance(packed, dict):
            yield BadRow(int(packed["number"]), str(packed["reason"]))
        else:
            yield kind.unpack(packed, next(shapes) if kind.has_shape else b"")


@contextmanager
def _in_order() -> Iterator[None]:
    """Raise ZoneError for an answer that is not in the expected form."""
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError, StopIteration, shapely.errors.ShapelyError):
        raise reader.broke_down() from None


def _zones(frame: Frame) -> ZoneFile:
    told = frame.document
    return ZoneFile(
        tuple(
            CleanZone(str(name), None if own_id is None else str(own_id), from_wkb(shape))
            for (name, own_id), shape in zip(told["zones"], frame.shapes, strict=True)
        ),
        tuple(Mending(*mended) for mended in told["mended"]),
        tuple(map(str, told["left_out"])),
        tuple(map(str, told["notes"])),
        str(told["crs"]),
        str(told["name_field"]),
        tuple(map(str, told["doubts"])),
    )
