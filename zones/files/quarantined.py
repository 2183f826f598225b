"""The process that opens a file from a stranger (`python -m zones.files.quarantined`): see quarantine.py.

It reads its task from standard input and writes its answer into the folder that it is started in.
"""

import contextlib
import gc
import json
import resource
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zones.errors import ZoneError
from zones.files import gdal
from zones.files.quarantine import MEGABYTES
from zones.files.zonefile import Options, ZoneFile
from zones.geometry import to_wkb
from zones.importing import read_zones

LARGEST_FILE = 1024**3  # that it may write; what is unpacked is checked besides
UNTOUCHED = 96  # MB of libraries that are loaded by now, and come into memory when they are first used
GRACE_S = 2.0  # beyond its deadline, at which it is killed anyway


def main() -> None:
    task = json.loads(sys.stdin.buffer.read())
    warnings.simplefilter("ignore")
    gc.disable()  # little is left to find in a process that lives for one file
    gdal.only_our_drivers()
    bound((MEGABYTES - UNTOUCHED) * 1024**2, task["seconds"])
    try:
        found = read_zones(Path(task["path"]), Options(**task["options"]), called=task["called"])
        document, shapes = _told(found)
    except MemoryError:
        document, shapes = _refusal(_too_large(task["called"])), []
    except ZoneError as error:
        document, shapes = _refusal(error), []
    head = json.dumps(document).encode()
    with Path("answer.part").open("wb") as file:
        file.write(len(head).to_bytes(8, "little"))
        file.write(head)
        file.writelines(shapes)
    Path("answer.part").rename("answer")


def bound(memory_bytes: int, seconds: float) -> None:
    """No more memory than this, what is loaded by now included; no core file; no processor for ever.

    The kernel counts addresses, of which the libraries reserve more than they use: so those do not count.
    """
    with contextlib.suppress(OSError):  # only Linux tells it this way, and only Linux keeps the limit
        pages, used, *_ = map(int, Path("/proc/self/statm").read_text().split())
        limit = memory_bytes + (pages - used) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for kind, most in (
        (resource.RLIMIT_CPU, int(seconds + GRACE_S)),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _told(found: ZoneFile) -> tuple[dict[str, Any], Sequence[bytes]]:
    shapes = [to_wkb(zone.geometry) for zone in found.zones]
    return {
        "zones": [
            {"name": zone.name, "external_id": zone.external_id, "bytes": len(shape)}
            for zone, shape in zip(found.zones, shapes, strict=True)
        ],
        "mended": [[one.zone, one.what, one.area_change_percent] for one in found.mended],
        "left_out": found.left_out,
        "notes": found.notes,
        "crs": found.crs,
        "name_field": found.name_field,
    }, shapes


def _refusal(error: ZoneError) -> dict[str, Any]:
    return {"error": {"message": error.message, "hint": error.hint, "details": error.details}}


def _too_large(called: str) -> ZoneError:
    return ZoneError(f"{called}: Reading it takes more than {MEGABYTES} MB of memory.", hint="Simplify or split it.")


if __name__ == "__main__":
    main()
