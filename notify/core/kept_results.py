"""Results that are kept in memory, because they cost much and are asked for often."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class KeptResults(Generic[K, V]):
    """The results of the keys that were asked for last. Threads that ask for one key get one result, and those that
    ask for others do not wait for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._made: OrderedDict[K, Future[V]] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the result, made now if it is not kept. What `make` raises is kept for nobody."""
        while True:
            mine: Future[V] = Future()
            with self._lock:
                future = self._made.setdefault(key, mine)
                self._made.move_to_end(key)
                while len(self._made) > self._most:
                    self._made.popitem(last=False)
            if future is mine:
                return self._make(key, mine, make)
            if future.exception() is None:
                return future.result()

    def clear(self) -> None:
        with self._lock:
            self._made.clear()

    def _make(self, key: K, future: "Future[V]", make: Callable[[], V]) -> V:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                if self._made.get(key) is future:
                    del self._made[key]
            future.set_exception(error)
            raise
        future.set_result(made)
        return made
