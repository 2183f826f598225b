"""Start the reader process for a file, limit it, read its frames (frames.py) and end it.

The process has little time and memory and none of our environment.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zones import confinement
from zones.errors import ZoneError
from zones.files import frames
from zones.files.frames import Frame

_SEATS = threading.BoundedSemaphore(2)  # limits the memory that simultaneous imports take
_PIECE_BYTES = 2**20
_GONE_S = 1.0  # time for a process to end after it has closed its output


class _Late(Exception):
    """The process took too long."""


class _Silent(Exception):
    """The process ended without a last frame."""


@contextmanager
def answering(task: dict[str, Any], seconds: float) -> Iterator[Iterator[Frame]]:
    """Start a reader and yield its frames, without the last one, which only marks the end.

    `task`: the task for `zones.files.quarantined`. `seconds`: how long we wait for all frames together, not counting
    what we do in between. Iterating raises ZoneError if the reader refuses the file, crashes or takes too long.
    """
    with _SEATS, tempfile.TemporaryDirectory(prefix="tocsin-zones-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "zones.files.quarantined"],
            cwd=folder,
            env=confinement.environment(Path(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert process.stdin is not None  # noqa: S101  asked for above
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(json.dumps({**task, "seconds": seconds}).encode())
            yield _frames(process, seconds)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def broke_down() -> ZoneError:
    """Return the error for a file whose reader crashed or gave an invalid answer."""
    return ZoneError(
        "Its reader crashed: it is damaged or too large, or its lines cross too often.",
        hint="Simplify it and export it again, best as GeoJSON or GeoPackage.",
    )


def _frames(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[Frame]:
    output = _Output(process, seconds)
    try:
        while not (frame := frames.read(output.take)).document.get("end"):
            error = frame.document.get("error")
            if error is not None:
                raise ZoneError(str(error["message"]), hint=str(error["hint"]), details=[*map(str, error["details"])])
            yield frame
    except _Late:
        raise _took_too_long(seconds) from None
    except _Silent:
        if _was_ended(process):
            raise _took_too_long(seconds) from None
        raise broke_down() from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise broke_down() from None


class _Output:
    """Reads the bytes that the process writes, within its time limit."""

    def __init__(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        assert process.stdout is not None  # noqa: S101  asked for by `answering`
        self._file, self._left_s, self._read = process.stdout.fileno(), seconds, bytearray()
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)

    def take(self, size: int) -> bytes:
        while len(self._read) < size:
            self._read += self._piece()
        taken = bytes(self._read[:size])
        del self._read[:size]
        return taken

    def _piece(self) -> bytes:
        began = time.monotonic()
        is_ready = self._poll.poll(max(self._left_s, 0.0) * 1000)
        self._left_s -= time.monotonic() - began
        if not is_ready:
            raise _Late
        if not (piece := os.read(self._file, _PIECE_BYTES)):
            raise _Silent
        return piece


def _was_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Return whether the kernel ended it because it used up its CPU time or the machine's memory."""
    try:
        return process.wait(_GONE_S) in (-signal.SIGXCPU, -signal.SIGKILL)
    except subprocess.TimeoutExpired:
        return False


def _took_too_long(seconds: float) -> ZoneError:
    return ZoneError(
        f"Reading it took longer than {seconds:g} seconds, so it was given up.",
        hint="Simplify or split it, or allow more time with --time-limit if you trust the file.",
    )
