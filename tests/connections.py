"""Connections to PostgreSQL, and compiled statements, that outlast a test.

A new connection has to learn the system catalogue of a hundred tables first, and a new engine to compile all statements
again; together that takes more time than most tests. Each test still has engines, pools and connections of its own:
what is kept stands below them, and PostgreSQL forgets the whole session in between.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy
from psycopg.pq import ExecStatus, PGconn, TransactionStatus
from sqlalchemy import Engine, event

FORGET = b"DISCARD ALL"
REST, RESUME = b"SET application_name = 'kept for tests'", b"RESET application_name"  # as nobody's that is connected


class Kept:
    """What is kept of one database, which every test finds empty."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._models: dict[str, Engine] = {}  # never connected to; by all that they were made of
        self._idle: defaultdict[tuple[int, str], list[PGconn]] = defaultdict(list)  # not those of before a fork

    def create_engine(self, url: str, **options: Any) -> Engine:
        """A new engine with a new pool, like that of SQLAlchemy."""
        if options["connect_args"].get("dbname") != self._database:
            return sqlalchemy.create_engine(url, **options)
        key = repr(sorted(options.items()))
        model = self._models.get(key) or self._models.setdefault(key, self._model(url, options))
        made = Engine(model.pool.recreate(), model.dialect, model.url, hide_parameters=options["hide_parameters"])
        made._compiled_cache = model._compiled_cache
        return made

    def backends(self) -> list[int]:
        """The process ids of the idle connections at PostgreSQL's end."""
        return [one.backend_pid for idle in list(self._idle.values()) for one in list(idle)]

    def close(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().finish()

    def _model(self, url: str, options: dict[str, Any]) -> Engine:
        made = sqlalchemy.create_engine(url, **options)
        lent = type("Lent", (Lent,), {"kept": self})
        event.listen(made, "do_connect", lambda _dialect, _record, args, values: lent.connect(*args, **values))
        return made

    def take(self, conninfo: str) -> PGconn | None:
        """An idle connection that was made with the same parameters."""
        idle = self._idle[os.getpid(), conninfo]
        while idle:
            one = idle.pop()
            if _done(one, RESUME):
                return one
            one.finish()  # a test has ended it
        return None

    def give(self, conninfo: str, one: PGconn) -> None:
        """Keep a connection whose session PostgreSQL has forgotten; end one that is lost or still at work."""
        if one.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            _done(one, b"ROLLBACK")
        if one.transaction_status == TransactionStatus.IDLE and _done(one, FORGET) and _done(one, REST):
            self._idle[os.getpid(), conninfo].append(one)
        else:
            one.finish()


class Lent(psycopg.Connection[Any]):
    """A connection that is given back when it is closed. It is closed then like any other."""

    kept: Kept
    conninfo: str

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Iterator[Any]:
        known = cls.kept.take(conninfo)
        made = cls(known) if known else (yield from super()._connect_gen(conninfo))
        made.conninfo = conninfo
        return made

    def close(self) -> None:
        if self.closed:
            return
        self._closed = True
        below, self.pgconn = self.pgconn, PGconn.connect_start(b"none")
        self.kept.give(self.conninfo, below)


def _done(connection: PGconn, statement: bytes) -> bool:
    try:
        return connection.exec_(statement).status == ExecStatus.COMMAND_OK
    except psycopg.OperationalError:  # it is known to be lost
        return False
