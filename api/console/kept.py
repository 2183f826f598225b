"""Values that many ask for, and that are read at most once in a while for all of them together."""

import threading
import time
from collections.abc import Callable
from concurrent import futures
from datetime import timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar, TypeVarTuple

import redis
import structlog
from pydantic import TypeAdapter

from notify.core.db import engine, reason
from notify.core.errors import Unavailable
from notify.operations import tasks

log = structlog.get_logger()
T = TypeVar("T")
Ts = TypeVarTuple("Ts")
RESTS = 9  # what took long to read is not read again before this many times as long have passed
MOST = 64  # remembered by a process
STORED_FOR = timedelta(days=1)
SOON_S = 5.0  # how long a reader waits for what takes long in a large city


class Stored(Generic[T]):
    """What was read last, in Redis, so that who looks first after a restart need not wait. For what tells its time.

    `kind`: the class of the values, a frozen dataclass.
    """

    def __init__(self, name: str, kind: type[T]) -> None:
        self._name = name
        self._json: TypeAdapter[T] = TypeAdapter(kind)

    def load(self) -> T | None:
        """Return it; None without one of the last day, or if Redis is away."""
        try:
            found: Any = tasks.redis_client().get(self._key)
            return self._json.validate_json(found) if found is not None else None
        except (redis.RedisError, Unavailable, ValueError) as error:  # ValueError: an earlier version stored it
            log.warning("kept.not_loaded", name=self._name, error=type(error).__name__)
            return None

    def save(self, value: T) -> None:
        try:
            tasks.redis_client().set(self._key, self._json.dump_json(value), ex=STORED_FOR)
        except (redis.RedisError, Unavailable) as error:
            log.warning("kept.not_stored", name=self._name, error=type(error).__name__)

    @property
    def _key(self) -> str:
        return f"kept:{engine().url.database}:{self._name}"


class Kept(Generic[T]):
    """What `read` returned, for `every_s` seconds. While one thread reads it anew, the others get what there was.

    `behind_s`: what is not older than this besides is returned at once, and read anew in the background; and so is what
    another process, or this one before a restart, has `stored`.
    """

    def __init__(
        self, read: Callable[[], T], every_s: float, rests: int = RESTS, behind_s: float = 0.0,
        stored: Stored[T] | None = None,
    ) -> None:  # fmt: skip
        self._read = read
        self._every_s = every_s
        self._behind_s = behind_s
        self._rests = rests
        self._stored = stored
        self._lock = threading.Lock()
        self._last: tuple[T] | None = None  # of one: the value may be None
        self._due_s = 0.0  # when it is too old, by time.monotonic()
        self._starting = threading.Lock()
        self._first: futures.Future[T] | None = None  # what `soon` waits for

    @property
    def last(self) -> T | None:
        """What was read last, however old; None before the first time."""
        return self._last[0] if self._last is not None else None

    @property
    def due(self) -> bool:
        """Whether `get` would read it anew."""
        return self._last is None or time.monotonic() >= self._due_s

    def get(self) -> T:
        last = self._last or self._found()
        if last is not None and (time.monotonic() < self._due_s or self._lock.locked()):
            return last[0]
        if last is not None and time.monotonic() < self._due_s + self._behind_s:
            threading.Thread(target=self._renew_behind, name="kept", daemon=True).start()
            return last[0]
        return self._renew()

    def soon(self, within_s: float) -> T | None:
        """Return the same as `get`; None if that takes longer. Then it is read on, and is there for the next reader."""
        if (self._last or self._found()) is not None and time.monotonic() < self._due_s + self._behind_s:
            return self.get()
        with self._starting:
            first = self._first
            if first is None:
                first = self._first = futures.Future()
                threading.Thread(target=self._read_first, args=(first,), name="kept", daemon=True).start()
        return first.result() if futures.wait([first], within_s).done else None

    def _read_first(self, first: "futures.Future[T]") -> None:
        try:
            found = self._renew()
        except Exception as error:
            log.warning("kept.not_read", error=reason(error), exc_info=True)
            self._first = None
            first.set_exception(error)
        else:
            self._first = None  # it is for who waits; the next reader gets what is new enough by then
            first.set_result(found)

    def _found(self) -> tuple[T] | None:
        """Take what is stored, which is due."""
        if self._stored is not None and (value := self._stored.load()) is not None and self._last is None:
            self._last, self._due_s = (value,), time.monotonic()
        return self._last

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
                if self._stored is not None:
                    self._stored.save(self._last[0])
            return self._last[0]


def remembered(make: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
    """Remember what a function returns for the MOST arguments asked about last. Another database has others."""
    of_database = lru_cache(maxsize=MOST)(lambda _engine, *args: make(*args))

    def known(*args: *Ts) -> T:
        return of_database(engine(), *args)

    return known
