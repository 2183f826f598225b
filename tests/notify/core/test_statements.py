"""Statements of their own transaction, planned by key."""

import psycopg
import pytest

from notify.core import db
from notify.core.db import statements, transaction
from tests.waiting import until


def _one(cursor: "psycopg.Cursor[tuple[object, ...]]", query: str) -> object:
    row = cursor.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_each_statement_is_a_transaction(database: str) -> None:
    """What was written before an error stays, and others see it at once."""
    with statements() as cursor:
        cursor.execute("INSERT INTO incidents (event, created_at) VALUES ('storm', now())")
        with transaction() as s:
            assert s.connection().exec_driver_sql("SELECT event FROM incidents").scalar() == "storm"
        with pytest.raises(psycopg.errors.DivisionByZero):
            cursor.execute("SELECT 1 / 0")
    with statements() as cursor:
        assert _one(cursor, "SELECT event FROM incidents") == "storm"
        first, second = (_one(cursor, "SELECT pg_current_xact_id()::text") for _ in range(2))
        assert first != second


def test_statements_find_their_rows_by_key_and_nothing_else_does(database: str) -> None:
    settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name = ANY"
    names = "('{enable_hashjoin,enable_mergejoin,enable_seqscan}'::text[])"
    with statements() as cursor:
        assert _one(cursor, settings + names) == "enable_hashjoin=off enable_mergejoin=off enable_seqscan=off"
        assert _one(cursor, "SHOW TimeZone") == "UTC"
        assert _one(cursor, "SHOW lock_timeout") == "10s"
    with transaction() as s:
        usual = s.connection().exec_driver_sql(settings + names).scalar()
        assert usual == "enable_hashjoin=on enable_mergejoin=on enable_seqscan=on"


def test_a_statement_that_is_run_often_is_prepared(database: str) -> None:
    with statements() as cursor:
        for number in range(8):
            cursor.execute("SELECT id FROM batches WHERE id = %s", (number,))
        assert _one(cursor, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM batches%'") == 1


def test_a_connection_comes_back_and_is_used_again(database: str) -> None:
    pids = set()
    for _ in range(5):
        with statements() as cursor:
            pids.add(_one(cursor, "SELECT pg_backend_pid()"))
    assert len(pids) == 1


@pytest.mark.parametrize("busy", [True, False], ids=["in-use", "idle"])
def test_a_connection_that_died_is_replaced(database: str, busy: bool) -> None:
    with statements() as cursor:
        pid = _one(cursor, "SELECT pg_backend_pid()")
        if busy:
            _end(database, pid)
            with pytest.raises(psycopg.OperationalError):
                cursor.execute("SELECT 1")
    if not busy:
        _end(database, pid)
    with statements() as cursor:
        assert _one(cursor, "SELECT pg_backend_pid()") != pid


def _end(database: str, pid: object) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchone() == (True,)


def test_forgetting_the_engine_closes_both_pools(own_database: str) -> None:
    with statements() as cursor, transaction() as s:
        ours = [
            _one(cursor, "SELECT pg_backend_pid()"),
            s.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar(),
        ]
    old = db.engine()
    db.forget_engine()
    there = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
    with psycopg.connect(own_database, autocommit=True) as other:
        until(lambda: other.execute(there, (ours,)).fetchone() == (0,), 60, "both connections are closed")
    assert db.engine() is not old
    with statements() as cursor:
        assert _one(cursor, "SELECT pg_backend_pid()") not in ours
