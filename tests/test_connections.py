"""What is kept of a connection from test to test: nothing of its session."""

import psycopg
from sqlalchemy import text

from notify.core import db
from tests.database import sql
from tests.waiting import until


def backend() -> int:
    return int(sql("SELECT pg_backend_pid()")[0][0])


def test_a_connection_is_used_again_by_another_engine_without_what_was_set_and_held(database: str) -> None:
    first, engine = backend(), db.engine()
    with db.transaction() as s:
        s.execute(text("SET lock_timeout = 77"))
        s.execute(text("CREATE TEMPORARY TABLE left_behind ()"))
        s.execute(text("SELECT pg_advisory_lock(4711)"))
    db.forget_engine()
    assert (backend(), db.engine() is engine) == (first, False)
    assert sql("SHOW lock_timeout")[0][0] == "10s"
    assert sql("SELECT to_regclass('left_behind')")[0][0] is None
    assert sql("SELECT FROM pg_locks WHERE locktype = 'advisory'") == []


def test_one_in_use_while_its_engine_is_forgotten_is_rolled_back(database: str) -> None:
    with db.engine().connect() as connection:
        connection.execute(text("INSERT INTO subscribers (language, created_at) VALUES ('en', now())"))
        db.forget_engine()
        below = connection.connection.driver_connection
    assert below is not None
    assert below.closed
    assert sql("SELECT FROM subscribers") == []


def test_one_that_was_ended_while_it_was_kept_is_not_used_again(database: str) -> None:
    first = backend()
    db.forget_engine()
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (first,))
        until(lambda: not other.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (first,)).fetchall(), 60, "end")
    assert backend() != first
