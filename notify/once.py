"""What a process has one of: its pool of connections, its throttle, its residents in memory."""

import functools
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801  a decorator
    """Made by the first call of a function without arguments, and the same for all others.

    `functools.cache` would make it twice when two threads call first: two pools, or twice as many seats as were set.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        functools.update_wrapper(self, make)
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        made = self._made
        if made:
            return made[0]
        with self._lock:
            if not self._made:
                self._made = [self._make()]
            return self._made[0]

    def forget(self) -> T | None:
        """The next call makes another. Gives back what was made, which the caller may have to close."""
        with self._lock:
            made, self._made = self._made, []
            return made[0] if made else None
