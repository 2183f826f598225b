"""The way to PostgreSQL, when it is away, and when it is back."""

import socket
import sys
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import exc, make_url, text

from notify.core import connection, db
from notify.core.settings import settings
from tests.notify.vanishing import Way, way_to
from tests.waiting import until


def test_what_must_not_be_forgotten_is_tried_until_the_database_is_back() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise psycopg.OperationalError("server closed the connection")

    db.persistently(work, 10)
    assert len(tries) == 3


def test_patience_ends() -> None:
    def work() -> None:
        raise exc.OperationalError("UPDATE", {}, psycopg.errors.DiskFull())

    with pytest.raises(exc.OperationalError):
        db.persistently(work, db.TRY_AGAIN_S)


def test_patience_is_a_time_and_not_a_number_of_tries() -> None:
    """A try can take many times as long as the pause after it, as when a host does not answer."""
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        threading.Event().wait(0.5)
        raise psycopg.OperationalError("connection timeout")

    with pytest.raises(psycopg.OperationalError):
        db.persistently(work, 1.0)
    assert len(tries) <= 2


def test_a_pool_that_is_used_up_is_waited_for_like_a_database_that_is_away() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        if len(tries) < 2:
            raise exc.TimeoutError("QueuePool limit reached")

    db.persistently(work, 10)
    assert len(tries) == 2
    assert "in use" in db.unavailable(exc.TimeoutError("QueuePool limit reached")).message


def test_what_waiting_cannot_mend_is_raised_at_once() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        raise psycopg.errors.UndefinedTable

    with pytest.raises(psycopg.errors.UndefinedTable):
        db.persistently(work, 10)
    assert tries == [1]


def test_a_full_disk_is_told_as_such() -> None:
    full = exc.OperationalError("UPDATE", {}, psycopg.errors.DiskFull())
    assert "full" in db.unavailable(full).message
    assert db.reason(full) == "DiskFull"
    assert "does not answer" in db.unavailable(psycopg.OperationalError()).message


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no TCP_USER_TIMEOUT, and no such filter")


@LINUX
def test_both_ends_of_a_connection_soon_find_that_the_other_is_gone(database: str) -> None:
    """The client by what its kernel says; the server, whose backend may hold the leader's lock, by its own word."""
    asked = {"TCP_USER_TIMEOUT": 10_000, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}
    shown = ("tcp_user_timeout", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
    with db.transaction() as s:
        ours = socket.socket(fileno=db.raw(s).fileno())
        try:
            assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert {n: ours.getsockopt(socket.IPPROTO_TCP, getattr(socket, n)) for n in asked} == asked
        finally:
            ours.detach()  # it is the driver's
        assert [s.execute(text(f"SHOW {name}")).scalar_one() for name in shown] == ["10000", "4", "2", "3"]


@pytest.fixture
def way(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """The engine's way to the database, which can be cut; a host is given up after two seconds, not ten."""
    server = make_url(database)
    monkeypatch.setattr(connection, "GONE_S", 2)
    with way_to(str(server.host), int(server.port or 5432)) as way:
        monkeypatch.setenv("TOCSIN_DATABASE_URL", server.set(port=way.port).render_as_string(hide_password=False))
        settings.cache_clear()
        db.forget_engine()
        yield way
        db.forget_engine()


@LINUX
@pytest.mark.parametrize("when", ["before it hears the question", "while it looks for the answer"])
def test_a_server_that_vanishes_is_given_up(way: Way, when: str) -> None:
    """No RST, no FIN, no acknowledgement: first of what is sent to it, then of what TCP asks in the silence."""
    with db.engine().connect() as connection:
        connection.execute(text("SELECT 1"))
        if when == "before it hears the question":
            way.cut()
        else:
            threading.Timer(0.2, way.cut).start()
        began_s = time.monotonic()
        with pytest.raises(exc.OperationalError):
            connection.execute(text("SELECT pg_sleep(200)"))
    assert time.monotonic() - began_s < 100, "long before the server would have answered"


@LINUX
def test_the_lock_of_a_leader_that_vanishes_is_free_soon(way: Way, database: str) -> None:
    lock = "SELECT pg_try_advisory_lock(7460)"
    with db.engine().connect() as leader, psycopg.connect(database) as standby:
        leader.execute(text(lock))
        leader.commit()
        way.cut()
        until(lambda: standby.execute(lock).fetchone() == (True,), 60, "the lock is free")


@pytest.mark.parametrize("number", range(len(db.POOLS)))
def test_a_connection_that_comes_back_after_its_pool_was_forgotten_is_closed(number: int, database: str) -> None:
    pool = db.POOLS[number]
    borrowed = pool().raw_connection()
    connection = borrowed.driver_connection
    db.forget_engine()
    borrowed.close()
    assert connection is not None
    assert connection.closed
