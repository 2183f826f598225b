"""One process of ours: what it has one of, what kind it is, and which others are connected to PostgreSQL.

A connection tells by its `application_name`, which PostgreSQL shows to every role: `tocsin KIND PID KEY..`. It keeps 63
bytes of that: enough for two keys.
"""

import functools
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:  # a command that asks one question does without SQLAlchemy
    from sqlalchemy.orm import Session

T = TypeVar("T")

COMMAND, API, WORKER, SCHEDULER = KINDS = ("command", "api", "worker", "scheduler")

kind = COMMAND  # of this process; whoever starts one of another kind sets it before the first connection


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


def connection_name(keys: Iterable[str]) -> str:
    """Of this process. `keys`: the beginnings of the fingerprints of those that it has."""
    return " ".join(("tocsin", kind, str(os.getpid()), *keys))


@dataclass(frozen=True, slots=True)
class Connected:
    """A process of ours. `host`: "" on PostgreSQL's own machine, and where our role may not see it."""

    kind: str
    pid: str
    host: str
    keys: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind} (process {self.pid}{f' on {self.host}' if self.host else ''})"


def others(s: "Session") -> list[Connected]:
    """The processes that have other connections to this database than this session's own."""
    rows = s.connection().exec_driver_sql(
        """SELECT DISTINCT coalesce(host(client_addr), ''), application_name FROM pg_stat_activity
            WHERE datname = current_database() AND application_name ~ '^tocsin( |$)' AND pid <> pg_backend_pid()
            ORDER BY 2, 1"""
    )
    return [_read(host, name.split()[1:]) for host, name in rows]


def _read(host: str, words: list[str]) -> Connected:
    if words and words[0] in KINDS:
        return Connected(words[0], words[1], host, frozenset(words[2:]))
    return Connected("process of an older version", "?", host, frozenset(words))
