"""Compute areas in a few helper processes, so that a shape that crashes GEOS or takes too long costs only one of them.

Some shapes crash GEOS, others keep it busy for minutes and take gigabytes, and a thread cannot be stopped. A process is
started when it is needed, serves many requests, and ends after a minute without one.
"""

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from zones import confinement
from zones.computing import AreaRequest, ComputedArea, compute, pack_request, unpack_area
from zones.errors import ZoneError
from zones.files import frames
from zones.geometry_worker import OUT_OF_MEMORY

PROCESSES = 2
SECONDS = 10.0  # for one area, and for waiting until a process is free
START_S = 30.0
IDLE_S = 60.0  # starting a process takes a third of a second, and keeping it takes 60 MB
_GONE_S = 1.0  # time for a process to end after it has closed its output
_PIECE_BYTES = 2**20
SIMPLER = "Simplify it, or draw it again."


class PoolBusy(Exception):
    """No process became free in time."""


class _Late(Exception):
    """There was no answer in time."""


class _Gone(Exception):
    """The process has ended."""


class GeometryPool:
    """The helper processes of this process. It may be used by several threads."""

    def __init__(self, processes: int = PROCESSES, seconds: float = SECONDS, idle_s: float = IDLE_S) -> None:
        self._seats = threading.BoundedSemaphore(processes)
        self._seconds, self._idle_s = seconds, idle_s
        self._idle: list[_Worker] = []  # the last one used is used next, so that the others can end

    def compute(self, request: AreaRequest) -> ComputedArea:
        """Compute an area within limits of time and memory. Raises ZoneError if that is not possible, and PoolBusy."""
        if request.is_plain:
            return compute(request)
        if not self._seats.acquire(timeout=self._seconds):
            raise PoolBusy
        try:
            return self._computed(request)
        finally:
            self._seats.release()

    def close(self) -> None:
        """End the idle processes."""
        while self._idle:
            self._idle.pop().end()

    def _computed(self, request: AreaRequest) -> ComputedArea:
        while True:
            worker = self._worker()
            try:
                answer = worker.ask(request, self._seconds)
            except _Late:
                worker.end()
                raise ZoneError(
                    f"The area was not computed within {self._seconds:g} seconds, so it was given up.", hint=SIMPLER
                ) from None
            except _Gone:
                status = worker.end()
                if status == 0:  # it ended by itself after IDLE_S
                    continue
                if status == OUT_OF_MEMORY:
                    raise _too_large() from None
                raise ZoneError("The area cannot be computed: GEOS crashed.", hint=SIMPLER) from None
            except BaseException:  # part of an answer may be left in the pipe
                worker.end()
                raise
            self._idle.append(worker)
            return _area(answer)

    def _worker(self) -> "_Worker":
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        try:
            return _Worker(self._idle_s)
        except (_Late, _Gone):
            raise PoolBusy from None


def _area(answer: frames.Frame) -> ComputedArea:
    if "error" not in answer.document:
        return unpack_area(answer.document, answer.shapes)
    error = answer.document["error"]
    if error is None:
        raise _too_large()
    raise ZoneError(str(error["message"]), hint=str(error["hint"]), details=[str(one) for one in error["details"]])


def _too_large() -> ZoneError:
    return ZoneError("Computing the area takes too much memory.", hint=SIMPLER)


class _Worker:
    """A helper process and our ends of its pipes."""

    def __init__(self, idle_s: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "zones.geometry_worker", str(idle_s)],
            cwd=os.sep,
            env=confinement.environment(Path(tempfile.gettempdir())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101  asked for above
        assert self._process.stdout is not None  # noqa: S101
        self._input, self._output = self._process.stdin, self._process.stdout
        self._is_gone = False
        os.set_blocking(self._input.fileno(), False)
        self._deadline = time.monotonic() + START_S
        try:
            frames.read(self._take)
        except (_Late, _Gone):
            self.end()
            raise

    def ask(self, request: AreaRequest, seconds: float) -> frames.Frame:
        self._deadline = time.monotonic() + seconds
        document, shapes = pack_request(request)
        self._put(frames.packed({**document, "seconds": seconds}, shapes))
        return frames.read(self._take)

    def end(self) -> int:
        """End the process. Return its exit status: 0 if it had ended by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may be ending by itself
            self._process.wait(_GONE_S if self._is_gone else 0)
        self._process.kill()
        status = self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        self._output.close()
        return status

    def _put(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            self._wait_for(self._input.fileno(), select.POLLOUT)
            try:
                left = left[os.write(self._input.fileno(), left) :]
            except BrokenPipeError:
                raise self._gone() from None

    def _take(self, size: int) -> bytes:
        taken = bytearray()
        while len(taken) < size:
            self._wait_for(self._output.fileno(), select.POLLIN)
            if not (piece := os.read(self._output.fileno(), min(_PIECE_BYTES, size - len(taken)))):
                raise self._gone()
            taken += piece
        return bytes(taken)

    def _gone(self) -> _Gone:
        self._is_gone = True
        return _Gone()

    def _wait_for(self, file: int, event: int) -> None:
        poll = select.poll()
        poll.register(file, event)
        if not poll.poll(max(self._deadline - time.monotonic(), 0.0) * 1000):
            raise _Late
