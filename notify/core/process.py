"""Which of our processes this is, and which of them are connected to PostgreSQL.

A connection tells by its `application_name`, which PostgreSQL shows to every role: `tocsin KIND PID KEY..`. It keeps 63
bytes of that: enough for two keys.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command that asks one question does without SQLAlchemy
    from sqlalchemy.orm import Session

COMMAND, API, WORKER, SCHEDULER = KINDS = ("command", "api", "worker", "scheduler")

kind = COMMAND  # of this process; whoever starts one of another kind sets it before the first connection


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
