"""The process that opens an untrusted file (`python -m zones.files.quarantined`): see quarantine.py.

It reads its task from standard input and writes frames to standard output.
"""

import contextlib
import gc
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from zones import confinement
from zones.addresses.files import read_addresses, read_landmarks, read_streets
from zones.addresses.rows import BadRow
from zones.drawable import read_map_shapes
from zones.errors import ZoneError
from zones.files import frames, gdal
from zones.files.rowfile import ADDRESSES, LANDMARKS, MAP_SHAPES, SCHEDULES, STREETS, RowFile, RowKind
from zones.files.schedules import read_schedules
from zones.files.zonefile import Options, ZoneFile
from zones.geometry import to_wkb
from zones.importing import zones_of

ROWS_AT_ONCE = 2_000  # in a frame

READERS: dict[str, tuple[RowKind[Any], Callable[..., RowFile[Any]]]] = {
    ADDRESSES.name: (ADDRESSES, read_addresses),
    STREETS.name: (STREETS, read_streets),
    LANDMARKS.name: (LANDMARKS, read_landmarks),
    MAP_SHAPES.name: (MAP_SHAPES, read_map_shapes),
    SCHEDULES.name: (SCHEDULES, read_schedules),
}


def main() -> None:
    task = json.loads(sys.stdin.buffer.read())
    warnings.simplefilter("ignore")
    gc.disable()  # not worth its time in a process that reads one file
    gdal.only_our_drivers()
    confinement.bound(task["megabytes"], task["seconds"])
    with _answer() as answer:
        try:
            for document, shapes in _documents(task):
                frames.write(answer, document, shapes)
            document = {"end": True}
        except MemoryError:
            document = _refusal(_too_large(task["megabytes"]))
        except ZoneError as error:
            document = _refusal(error)
        frames.write(answer, document)


@contextlib.contextmanager
def _answer() -> Iterator[BinaryIO]:
    """Yield standard output for our frames; anything that a library prints is discarded."""
    with os.fdopen(os.dup(1), "wb") as answer, Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        yield answer


def _documents(task: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    """Yield the documents of the answer, each with its shapes."""
    path, options = Path(task["path"]), task["options"]
    if task["read"] == "zones":
        yield _of_zones(zones_of(path, Options(**options)))
        return
    kind, read = READERS[task["read"]]
    yield from _of_rows(kind, read(path, **options))


def _of_zones(found: ZoneFile) -> tuple[dict[str, Any], list[bytes]]:
    return {
        "zones": [[zone.name, zone.external_id] for zone in found.zones],
        "mended": [[one.zone, one.what, one.area_change_percent] for one in found.mended],
        "left_out": found.left_out,
        "notes": found.notes,
        "crs": found.crs,
        "name_field": found.name_field,
        "doubts": found.doubts,
    }, [to_wkb(zone.geometry) for zone in found.zones]


def _of_rows(kind: RowKind[Any], found: RowFile[Any]) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    yield {"notes": found.notes, "doubts": found.doubts}, []
    rows: Iterable[Any] = found.rows
    while piece := list(islice(rows, ROWS_AT_ONCE)):
        packed = [({"number": row.number, "reason": row.reason}, None) if isinstance(row, BadRow) else kind.pack(row)
                  for row in piece]  # fmt: skip
        yield {"rows": [document for document, _ in packed]}, [shape for _, shape in packed if shape is not None]


def _refusal(error: ZoneError) -> dict[str, Any]:
    return {"error": {"message": error.message, "hint": error.hint, "details": error.details}}


def _too_large(megabytes: int) -> ZoneError:
    return ZoneError(f"Reading it takes more than {megabytes} MB of memory.", hint="Simplify or split it.")


if __name__ == "__main__":
    main()
