"""Pools of connections that stay open from one test to the next.

To connect, and to learn the tables anew, takes PostgreSQL and us longer than most tests take with the database. A pool
is kept only if the next test would make the same one, and nothing of the last test is left in it.
"""

from collections.abc import Callable
from typing import Any, cast

import psycopg
from sqlalchemy import Engine, event

from notify.core import db
from notify.core.connection import check_key, parameters
from notify.core.errors import WrongKey
from notify.core.settings import settings

Role = tuple[str, int, bool]  # what `db._engine` is called with
DISCARD = "DISCARD ALL"  # settings, locks, temporary tables and prepared statements


class KeptPools:
    """Stands in the place of `db._engine`: gives out a kept pool if there is a fitting one."""

    def __init__(self, make: Callable[..., Engine]) -> None:
        self._make = make
        self._idle: dict[Role, tuple[object, Engine]] = {}
        self._used: dict[Engine, tuple[Role, object, set[psycopg.Connection[Any]]]] = {}

    def __call__(self, options: str = "", size: int = 0, *, records: bool = True) -> Engine:
        role, made_of = (options, size, records), _made_of(options)
        kept_of, kept = self._idle.pop(role, (None, None))
        if kept is not None:
            if kept_of == made_of and _may_be_used(kept, records):
                return kept
            self._close(kept)
        made = self._make(options, size, records=records)
        connections: set[psycopg.Connection[Any]] = set()
        event.listen(made, "connect", lambda opened, _record: connections.add(opened))
        self._used[made] = role, made_of, connections
        return made

    def take_back(self) -> None:
        """Keep the pools of this process that the next test may use, and close the others."""
        for pool in db.POOLS:
            made = pool.forget()
            if made is None:
                continue
            if made in self._used and self._is_as_new(made):
                role, made_of, _ = self._used[made]
                self._idle[role] = made_of, made
            else:
                self._close(made)

    def backends(self) -> list[int]:
        """The backends of all kept connections."""
        return sorted(one.info.backend_pid for _, kept in self._idle.values() for one in self._open(kept))

    def close(self) -> None:
        """Close all, also those that a thread made which has outlived the last test."""
        for pool in db.POOLS:
            pool.forget()
        for made in list(self._used):
            self._close(made)
        self._idle.clear()

    def _open(self, engine: Engine) -> set[psycopg.Connection[Any]]:
        connections = self._used[engine][2]
        connections -= {one for one in connections if one.closed}
        return connections

    def _is_as_new(self, engine: Engine) -> bool:
        """Whether no thread holds one of its connections, and all have forgotten what a test did with them."""
        if cast(Any, engine.pool).checkedout():
            return False
        try:
            for connection in self._open(engine):
                connection.autocommit = True
                connection.execute(DISCARD, prepare=False)
                connection._prepared.clear()  # of what is not prepared yet, too, how often it was asked
                connection.autocommit = False
        except psycopg.Error:
            return False
        return True

    def _close(self, engine: Engine) -> None:
        self._used.pop(engine, None)
        db.close(engine)


def _made_of(options: str) -> object:
    """All that a pool depends on but its role."""
    return parameters(settings().require_database(), options), settings().worker_threads


def _may_be_used(engine: Engine, records: bool) -> bool:
    """As a new connection would, learn which key is in force, and record ours in an empty database."""
    borrowed = engine.raw_connection()
    try:
        check_key(cast(Any, borrowed.driver_connection), records=records)
    except WrongKey:
        return False
    finally:
        borrowed.close()
    return True
