"""Values that many ask for, and that are read at most once in a while for all of them together."""

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar, TypeVarTuple

import structlog

from notify.core.db import engine, reason

log = structlog.get_logger()
T = TypeVar("T")
Ts = TypeVarTuple("Ts")
RESTS = 9  # what took long to read is not read again before this many times as long have passed
MOST = 64  # remembered by a process


class Kept(Generic[T]):
    """What `read` returned, for `every_s` seconds. While one thread reads it anew, the others get what there was.

    `behind_s`: what is not older than this besides is returned at once, and read anew in the background.
    """

    def __init__(self, read: Callable[[], T], every_s: float, rests: int = RESTS, behind_s: float = 0.0) -> None:
        self._read = read
        self._every_s = every_s
        self._behind_s = behind_s
        self._rests = rests
        self._lock = threading.Lock()
        self._last: tuple[T] | None = None  # of one: the value may be None
        self._due_s = 0.0  # when it is too old, by time.monotonic()

    @property
    def last(self) -> T | None:
        """What was read last, however old; None before the first time."""
        return self._last[0] if self._last is not None else None

    @property
    def due(self) -> bool:
        """Whether `get` would read it anew."""
        return self._last is None or time.monotonic() >= self._due_s

    def get(self) -> T:
        last = self._last
        if last is not None and (time.monotonic() < self._due_s or self._lock.locked()):
            return last[0]
        if last is not None and time.monotonic() < self._due_s + self._behind_s:
            threading.Thread(target=self._renew_behind, name="kept", daemon=True).start()
            return last[0]
        return self._renew()

    def _renew_behind(self) -> None:
        try:
            self._renew()
        except Exception as error:
            log.warning("kept.not_renewed", error=reason(error), exc_info=True)
            self._last = None  # the next reader waits, and is told

    def _renew(self) -> T:
        with self._lock:
            if self._last is None or time.monotonic() >= self._due_s:
                began_s = time.monotonic()
                self._last = (self._read(),)
                self._due_s = began_s + max(self._every_s, (self._rests + 1) * (time.monotonic() - began_s))
            return self._last[0]


def remembered(make: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
    """Remember what a function returns for the MOST arguments asked about last. Another database has others."""
    of_database = lru_cache(maxsize=MOST)(lambda _engine, *args: make(*args))

    def known(*args: *Ts) -> T:
        return of_database(engine(), *args)

    return known
