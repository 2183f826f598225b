"""Replace the secret key while everything runs: re-seal every address and re-index every row, then switch at once.

The values for the new key are written into additional columns (`next_...`), a few thousand rows at a time. Until the
switch all processes use the old columns; rows that are changed or added meanwhile are converted as well. Then, under
locks that last a moment, the new columns replace the old ones, and the new key's fingerprint the old one. A rotation
that was killed resumes where it stopped.

Processes that run meanwhile need both keys, because the one in force changes while they run (`keyring.hold`).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import alarms, audit, crypto, db, keyring, process, rights
from notify.core.db import schema_connection, transaction
from notify.core.errors import Invalid, Refused, Unavailable
from notify.core.settings import settings
from notify.models import Operator
from notify.operations import rekeying
from notify.operations.rekeyed_values import rekeyed
from notify.operations.rekeying import KEYED, Keyed

log = structlog.get_logger()

AT_ONCE = 2_000  # rows per transaction: about 0.1 s
LOCK_TIMEOUT = "1s"  # an opt-out that comes in waits no longer than this
TRIES = 300
RUNNING_LOCK = 7_461_004
AFTERWARDS = "Unset TOCSIN_PREVIOUS_SECRET_KEY, keep TOCSIN_SECRET_KEY as it is, and restart all processes."


class InForce(Refused):
    """The new key is already in force."""


@dataclass(slots=True)
class Rotated:
    """By table: the number of rows converted, and the ids of those that no key of ours opens; they stay as they are."""

    rows: dict[str, int]
    damaged: dict[str, list[int]] = field(default_factory=dict)
    seconds: float = 0.0
    locked_s: float = 0.0  # how long the switch kept everybody waiting

    @property
    def unreadable(self) -> int:
        return sum(map(len, self.damaged.values()))


Progress = Callable[[str, int], None]


def _quietly(_table: str, _rows: int) -> None:
    pass


def rotate(now: datetime, by: Operator | None = None, on_progress: Progress = _quietly) -> Rotated:
    """Replace TOCSIN_PREVIOUS_SECRET_KEY by TOCSIN_SECRET_KEY, or resume a rotation that was killed.

    Raises Invalid without both keys, InForce when there is nothing to do, Refused when another rotation runs or a
    running process does not know both keys.
    """
    operators.require_by(by, "administer")
    if len(crypto.masters()) != 2:
        raise Invalid(
            "TOCSIN_PREVIOUS_SECRET_KEY is not set.",
            hint="Set it to the key in force, TOCSIN_SECRET_KEY to the new one, and restart all processes with both.",
        )
    new, old = crypto.masters()
    done, began = Rotated({}), time.monotonic()
    with schema_connection() as connection:
        _alone(connection)
        _settle(connection, now)
        _begin(connection, new, old)
        for keyed in KEYED:
            _fill(connection, keyed, new, done, on_progress)
        done.damaged = {keyed.table: rekeying.unchanged(connection, keyed) for keyed in KEYED}
        rekeying.build_indexes(connection)
        _all_know_both(new, old)
        _persistently(connection, lambda: _switch(connection, new, old, done))
        _settle(connection, now)
    done.seconds = time.monotonic() - began
    with transaction() as s:
        keyring.verify(s)
        audit.note(s, now=now, by=by, action="rotate", subject="secret_key", subject_id=0, rows=done.rows)
        _sound(s, done, now)
    seconds = {"seconds": round(done.seconds, 1), "locked_s": round(done.locked_s, 3)}
    log.info("key.rotated", rows=done.rows, unreadable=done.unreadable, **seconds)
    return done


def _sound(s: Session, done: Rotated, now: datetime) -> None:
    """Ring for what no key opens, with the ids of the rows, or of the operators that they belong to."""
    again = "Enter them again; docs/keys.md says how."
    for table, kind, named, what, then in (
        ("contacts", alarms.UNREADABLE_ADDRESS, "id", "The stored addresses of some contacts", again),
        ("places", alarms.UNREADABLE_PLACE, "id", "Some places of residents", again),
        ("operator_contacts", alarms.UNREADABLE_ACCOUNT, "operator_id", "Contacts of some operators", again),
        ("credentials", alarms.UNREADABLE_ACCOUNT, "operator_id", "The apps of some operators", "Reset the accounts."),
    ):
        if ids := done.damaged.get(table):
            found = text(f"SELECT DISTINCT {named} FROM {table} WHERE id = ANY(:ids) ORDER BY 1")
            some = alarms.some(s.scalars(found, {"ids": ids}).all())
            told = f"{what} cannot be opened with either key of the rotation ({some}) and stay as they are. {then}"
            alarms.sound(s, kind, told, now, about="" if named == "id" else table)


def _alone(connection: "psycopg.Connection[Any]") -> None:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (RUNNING_LOCK,)).fetchone()
    if not (row and row[0]):
        raise Refused("Another `tocsin keys rotate` is running.")


def _begin(connection: "psycopg.Connection[Any]", new: bytes, old: bytes) -> None:
    """Record the new key and add its columns, unless that was done before. Raises InForce and Refused."""
    row = connection.execute("SELECT fingerprint, next FROM key_ring").fetchone()
    in_force, coming = row or (None, None)
    if in_force == crypto.fingerprint(new):
        raise InForce("TOCSIN_SECRET_KEY is already in force.", hint=AFTERWARDS)
    if coming not in (None, crypto.fingerprint(new)):
        raise Refused(
            "A rotation to another key has begun.", hint="Set TOCSIN_SECRET_KEY to that key, and finish it first."
        )
    _all_know_both(new, old)
    if coming is None:
        _persistently(connection, lambda: _make_room(connection, new))


def _make_room(connection: "psycopg.Connection[Any]", new: bytes) -> None:
    rekeying.make_room(connection)
    connection.execute("UPDATE key_ring SET next = %s", (crypto.fingerprint(new),))


def _all_know_both(new: bytes, old: bytes) -> None:
    """Raise Refused when connected processes lack a key: they would stop at the switch.

    Connects as the role of the processes: PostgreSQL hides the origin of connections from other roles.
    """
    both = {keyring.shown(new), keyring.shown(old)}
    with transaction() as s:
        lacking = [str(one) for one in process.others(s) if not both <= one.keys]
    if lacking:
        raise Refused(
            f"Processes that do not know both keys are connected: {', '.join(lacking)}.",
            hint="Restart them with TOCSIN_SECRET_KEY and TOCSIN_PREVIOUS_SECRET_KEY, then run this again.",
        )


def _fill(
    connection: "psycopg.Connection[Any]",
    keyed: Keyed,
    new: bytes,
    done: Rotated,
    on_progress: Progress = _quietly,
) -> None:
    after = 0
    while True:
        with connection.transaction():
            ids = _fill_some(connection, keyed, new, done, after)
        if not ids:
            return
        after = ids[-1]
        on_progress(keyed.table, done.rows[keyed.table])


def _fill_some(
    connection: "psycopg.Connection[Any]", keyed: Keyed, new: bytes, done: Rotated, after: int
) -> Sequence[int]:
    """Convert the next rows above an id, in the caller's transaction. Returns their ids."""
    # No place or preference changes, so the caches of residents stay valid.
    connection.execute("SET LOCAL tocsin.rekeying = on")
    chosen = ", ".join(keyed.columns)
    rows = rekeying.run(
        connection,
        f"""SELECT id, {keyed.purpose}, {keyed.resident}, {chosen} FROM {keyed.table}
             WHERE id > {after} AND {keyed.pending} ORDER BY id LIMIT {AT_ONCE} FOR NO KEY UPDATE""",
    ).fetchall()
    ids = [row[0] for row in rows]
    values = zip(*rekeyed(keyed.columns, rows, new), strict=True)
    written = db.in_halves(
        list(zip(ids, values, strict=True)),
        partial(_write, connection, keyed),
        lambda one, why: log.warning("key.row_refused", table=keyed.table, row=one[0], why=db.reason(why)),
        connection.transaction,
    )
    done.rows[keyed.table] = done.rows.get(keyed.table, 0) + sum(map(len, written))
    return ids


def _write(
    connection: "psycopg.Connection[Any]", keyed: Keyed, rows: Sequence[tuple[int, tuple[Any, ...]]]
) -> list[int]:
    """Write the new columns of rows (id, values). Returns the ids."""
    ids, values = [one[0] for one in rows], zip(*(one[1] for one in rows), strict=True)
    chosen = ", ".join(keyed.columns)
    arrays = ", ".join(["%s::bigint[]", *["%s::bytea[]"] * len(keyed.columns)])
    assigned = ", ".join(f"next_{column} = x.{column}" for column in keyed.columns)
    rekeying.run(
        connection,
        f"UPDATE {keyed.table} t SET {assigned} FROM unnest({arrays}) AS x (id, {chosen}) WHERE t.id = x.id",
        [ids, *map(list, values)],
    )
    return ids


def _switch(connection: "psycopg.Connection[Any]", new: bytes, old: bytes, done: Rotated) -> None:
    """Replace the old columns by the new ones and bring the new key into force, in the caller's transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (keyring.KEYS_LOCK,))
    began = time.monotonic()
    rekeying.run(connection, f"LOCK TABLE {', '.join(keyed.table for keyed in KEYED)} IN ACCESS EXCLUSIVE MODE")
    for keyed in KEYED:
        _fill_rest(connection, keyed, new, done)
    indexes = list(rekeying.indexes(connection))
    for index in indexes:
        if index.at_switch:
            rekeying.run(connection, index.create())
    for keyed in KEYED:
        rekeying.swap(connection, keyed, [index for index in indexes if index.table == keyed.table])
    if login := settings().runtime_login():  # rights on the old columns were dropped with them
        rights.give(connection, rights.Login(*login))
    left = connection.execute("SELECT older FROM key_ring").fetchone()
    older = keyring.opened(left[0]) if left and left[0] else ()
    connection.execute(
        "UPDATE key_ring SET fingerprint = %s, next = NULL, older = %s, since = now()",
        (crypto.fingerprint(new), keyring.sealed((*older, crypto.lasting(old)), new)),
    )
    done.locked_s = time.monotonic() - began


def _fill_rest(connection: "psycopg.Connection[Any]", keyed: Keyed, new: bytes, done: Rotated) -> None:
    """Convert rows that are new or were refused: the switch would lose them with the old columns. Raises Refused."""
    _fill(connection, keyed, new, done)
    if rekeying.pending(connection, keyed):
        with rekeying.unhindered(connection, keyed):
            _fill(connection, keyed, new, done)
    if left := rekeying.pending(connection, keyed):
        raise Refused(
            f"PostgreSQL refuses to change rows of {keyed.table}: {alarms.some(left)}. All others are ready; nothing "
            "was switched, and the old key stays in force.",
            hint="Look at them with psql, repair or delete them, and run this again: it resumes where it stopped.",
        )


def _settle(connection: "psycopg.Connection[Any]", now: datetime) -> None:
    """Have PostgreSQL check the constraints of switched columns on all rows, also those of a killed rotation."""
    for statements in (rekeying.rules_to_validate, rekeying.columns_to_require):  # the second needs the first
        for statement in list(statements(connection)):
            try:
                _persistently(connection, partial(rekeying.run, connection, statement))
            except psycopg.IntegrityError as error:  # the constraint still applies to changes
                alarms.refused_row(f"run {statement}", error, now)


@contextmanager
def _briefly(connection: "psycopg.Connection[Any]") -> Iterator[None]:
    """A transaction that waits at most LOCK_TIMEOUT for a lock, because everybody else queues behind it."""
    with connection.transaction():
        rekeying.run(connection, f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        yield


def _persistently(connection: "psycopg.Connection[Any]", work: Callable[[], object]) -> None:
    for _ in range(TRIES):
        try:
            with _briefly(connection):
                work()
            return
        except psycopg.errors.LockNotAvailable:
            log.info("key.waits_for_lock")
            time.sleep(1.0)
    raise Unavailable(
        "The tables are locked by other transactions all the time.",
        hint="Look for open transactions (pg_stat_activity), then run this again: it resumes where it stopped.",
    )
