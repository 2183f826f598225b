"""The one way to PostgreSQL: an engine per process and a transaction that the reader can see.

    with transaction() as s:
        alerts.approve(s, ...)

Domain functions take the session and never commit. What must happen after the commit (ringing a batch) is done by
the caller, after the block.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from notify.settings import settings


@cache
def engine() -> Engine:
    """The pool of this process. Statements of web requests and sweeps are bounded; bulk work sets its own limit."""
    return create_engine(
        settings().require_database(),
        pool_size=settings().worker_threads + 4,
        max_overflow=16,
        pool_pre_ping=True,
        hide_parameters=True,  # an error that is logged must not show an address (law 9)
        connect_args={
            "application_name": "tocsin",
            "connect_timeout": 5,
            "options": "-c timezone=UTC -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
        },
    )


@contextmanager
def transaction() -> Iterator[Session]:
    """A session whose block is one transaction: committed at its end, rolled back by an exception."""
    with Session(engine(), expire_on_commit=False) as s, s.begin():
        yield s


@contextmanager
def statements() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor whose every statement is a transaction of its own, in one round trip instead of three.

    For the few statements that are run for each window of messages: SQL as psycopg takes it (`%(name)s`), prepared
    by it after some runs, answers in binary. Raises psycopg.Error.
    """
    borrowed = engine().raw_connection()
    try:
        connection = borrowed.driver_connection
        assert isinstance(connection, psycopg.Connection)  # noqa: S101  the engine has no other driver
        connection.autocommit = True
        try:
            with connection.cursor(binary=True) as cursor:
                yield cursor
        finally:
            if not connection.closed:
                connection.autocommit = False
    finally:
        borrowed.close()


def raw(s: Session) -> psycopg.Connection[Any]:
    """The psycopg connection below a session, for COPY, inside the same transaction."""
    connection = s.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101  the engine has no other driver
    return connection


def forget_engine() -> None:
    """Close the pool, after the settings changed or a process forked."""
    if engine.cache_info().currsize:
        engine().dispose()
        engine.cache_clear()
