"""The way to PostgreSQL, when it is away, and when it is back."""

import psycopg
import pytest
from sqlalchemy import exc

from notify import db


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
