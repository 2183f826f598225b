"""This process: its kind, its singletons, and the other processes of ours that are connected to PostgreSQL.

Connections are recognized by their `application_name`, which PostgreSQL shows to every role: `tocsin KIND PID KEY..`.
PostgreSQL keeps 63 bytes of it, enough for two keys.
"""

import functools
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:  # a command that runs a single query does without SQLAlchemy
    from sqlalchemy.orm import Session

T = TypeVar("T")

COMMAND, API, WORKER, SCHEDULER = KINDS = ("command", "api", "worker", "scheduler")

kind = COMMAND  # of this process; a main program of another kind sets it before the first connection


class once(Generic[T]):  # noqa: N801  a decorator
    """Make the result of a function without arguments on its first call, and return the same one from then on.

    `functools.cache` would make it twice when two threads call first: two pools, or twice the worker slots.
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
        """Let the next call make a new one. Returns the old one, which the caller may have to close."""
        with self._lock:
            made, self._made = self._made, []
            return made[0] if made else None


def connection_name(keys: Iterable[str]) -> str:
    """The `application_name` of this process. `keys`: its keys as `keyring.shown` gives them."""
    return " ".join(("tocsin", kind, str(os.getpid()), *keys))


@dataclass(frozen=True, slots=True)
class Connected:
    """A connected process of ours. `host`: "" on PostgreSQL's own machine, or when our role may not see it."""

    kind: str
    pid: str
    host: str
    keys: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind} (process {self.pid}{f' on {self.host}' if self.host else ''})"


def others(s: "Session") -> list[Connected]:
    """The processes of ours behind all connections to this database but this session's own."""
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
