"""A value that many ask for, and that is read at most once in a while for all of them together."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
RESTS = 9  # what took long to read is not read again before this many times as long have passed


class Kept(Generic[T]):
    """What `read` returned, for `every_s` seconds. While one thread reads it anew, the others get what there was."""

    def __init__(self, read: Callable[[], T], every_s: float) -> None:
        self._read = read
        self._every_s = every_s
        self._lock = threading.Lock()
        self._last: tuple[T] | None = None  # of one: the value may be None
        self._due_s = 0.0  # when it is too old, by time.monotonic()

    def get(self) -> T:
        last = self._last
        if last is not None and (time.monotonic() < self._due_s or self._lock.locked()):
            return last[0]
        with self._lock:
            if self._last is None or time.monotonic() >= self._due_s:
                began_s = time.monotonic()
                self._last = (self._read(),)
                self._due_s = began_s + max(self._every_s, (RESTS + 1) * (time.monotonic() - began_s))
            return self._last[0]
