"""The process that opens a file from a stranger (`python -m zones.files.quarantined`): see quarantine.py.

It reads its task from standard input and writes its answer into the folder that it is started in.
"""

import gc
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zones import confinement
from zones.errors import ZoneError
from zones.files import gdal
from zones.files.quarantine import MEGABYTES
from zones.files.zonefile import Options, ZoneFile
from zones.geometry import to_wkb
from zones.importing import read_zones


def main() -> None:
    task = json.loads(sys.stdin.buffer.read())
    warnings.simplefilter("ignore")
    gc.disable()  # little is left to find in a process that lives for one file
    gdal.only_our_drivers()
    confinement.bound(MEGABYTES, task["seconds"])
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
