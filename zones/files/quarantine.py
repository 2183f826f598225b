"""A file from a stranger is opened by a process of its own, with little time, little memory and none of our secrets.

Parsers of old formats are large, and files are made to break them. What the other process hands back is names, text and
shapes, read here as such and as nothing else. When it is broken, or ended because it took too much, one import fails.
"""

import json
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import shapely

from zones.confinement import environment
from zones.errors import ZoneError
from zones.files.zonefile import CleanZone, Mending, Options, ZoneFile
from zones.geometry import from_wkb

SECONDS = 7.0  # from the start of the process; with those that a command needs to begin and end it stays below ten
MEGABYTES = 1024
AS_USUAL = Options()
_SEATS = threading.BoundedSemaphore(2)  # so that many imports at once do not take many times the memory
_SIZE_BYTES = 8  # the length of the document that an answer begins with, little-endian


def read_zones(
    path: Path, options: Options = AS_USUAL, *, called: str = "", seconds: float = SECONDS, **more: Any
) -> ZoneFile:
    """The zones of a file from anybody. `called`: its name for people, `more`: single options by name.

    Raises ZoneError with one sentence to act on, within `seconds` (and a moment) whatever the file holds.
    """
    called = called or path.name
    options = replace(options, **more)
    task = {"path": str(path.resolve()), "called": called, "options": asdict(options), "seconds": seconds}
    with _SEATS, tempfile.TemporaryDirectory(prefix="tocsin-zones-") as folder:
        fault = _run(json.dumps(task), Path(folder), seconds)
        answer = Path(folder) / "answer"
        if fault or not answer.exists():
            raise _brought_down(called, fault, seconds)
        return _answer(answer.read_bytes(), called)


def _run(task: str, folder: Path, seconds: float) -> int:
    """How the process ended: 0, or minus the signal that ended it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "zones.files.quarantined"],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.communicate(task.encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        return -signal.SIGXCPU
    finally:
        process.kill()
        process.wait()
    return process.returncode


def _brought_down(called: str, fault: int, seconds: float) -> ZoneError:
    if fault in (-signal.SIGXCPU, -signal.SIGKILL):
        return ZoneError(
            f"{called}: Reading it took longer than {seconds:g} seconds, so it was given up.",
            hint="Simplify or split it, or give a file of your own more time with --time-limit.",
        )
    return ZoneError(
        f"{called}: Its reader broke down over it: it is damaged, or too large, or its lines cross too often.",
        hint="Simplify it and export it again, best as GeoJSON or GeoPackage.",
    )


def _answer(content: bytes, called: str) -> ZoneFile:
    """What the process has written: a document, then the shapes that it names, one after another."""
    try:
        size = _SIZE_BYTES + int.from_bytes(content[:_SIZE_BYTES], "little")
        told = json.loads(content[_SIZE_BYTES:size])
        if "error" in told:
            error = told["error"]
            raise ZoneError(error["message"], hint=error["hint"], details=error["details"])
        zones = []
        for zone in told["zones"]:
            geometry = from_wkb(content[size : size + zone["bytes"]])
            size += zone["bytes"]
            zones.append(CleanZone(str(zone["name"]), zone["external_id"], geometry))
        return ZoneFile(
            tuple(zones),
            tuple(Mending(*mended) for mended in told["mended"]),
            tuple(map(str, told["left_out"])),
            tuple(map(str, told["notes"])),
            str(told["crs"]),
            str(told["name_field"]),
        )
    except (ValueError, KeyError, TypeError, shapely.errors.ShapelyError):
        raise _brought_down(called, 1, 0) from None
