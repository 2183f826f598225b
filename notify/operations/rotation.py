"""Replace the secret key while everything runs: re-seal every address and re-index every row, then switch at once.

What the new key makes of a row is written beside it, in columns of its own (`next_...`), a few thousand rows at a time.
Until the last one all processes join and compare by the old columns, so nothing that comes in meanwhile is missed: what
changes is made anew, what is new is picked up. Then, under locks that last a moment, the new columns take the place of
the old ones, and the fingerprint of the new key that of the old. A rotation that was killed goes on where it was.

Processes that run meanwhile need both keys, because the one in force changes below them (`keyring.hold`).
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
from sqlalchemy.orm import Session

from notify.core import alarms, audit, crypto, db, keyring, points, process, rights
from notify.core.db import schema_connection, transaction
from notify.core.errors import Invalid, Refused, Unavailable
from notify.core.settings import settings
from notify.models import Operator
from notify.operations import rekeying
from notify.operations.rekeying import CELL, INDEX, KEYED, POINT, SEALED, Keyed

log = structlog.get_logger()

AT_ONCE = 2_000  # rows of a transaction: about 0.1 s
LOCK_TIMEOUT = "1s"  # an opt-out that comes in waits no longer than this
TRIES = 300
RUNNING_LOCK = 7_461_004
AFTERWARDS = "Unset TOCSIN_PREVIOUS_SECRET_KEY, keep TOCSIN_SECRET_KEY as it is, and restart all processes."


class InForce(Refused):
    """There is nothing to do: the new key is in force."""


@dataclass(slots=True)
class Rotated:
    """Rows that were written for the new key, by table; the ids of those that no key of ours opens, which stay as they
    are."""

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
    """Bring TOCSIN_SECRET_KEY into force instead of TOCSIN_PREVIOUS_SECRET_KEY, or go on with it.

    Raises Invalid without both keys, Refused when there is nothing to do, when another rotation runs, or when a process
    that is running does not know both keys.
    """
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
    for table, kind, what in (
        ("contacts", alarms.UNREADABLE_ADDRESS, "The stored addresses of some contacts"),
        ("places", alarms.UNREADABLE_PLACE, "Some places of residents"),
    ):
        if ids := done.damaged.get(table):
            told = f"{what} open with no key of the rotation ({alarms.some(ids)})"
            alarms.sound(s, kind, f"{told}: they stay as they are. Enter them anew; docs/keys.md says how.", now)


def _alone(connection: "psycopg.Connection[Any]") -> None:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (RUNNING_LOCK,)).fetchone()
    if not (row and row[0]):
        raise Refused("Another `tocsin keys rotate` is running.")


def _begin(connection: "psycopg.Connection[Any]", new: bytes, old: bytes) -> None:
    """Record which key comes, and make room for what it makes of every row; nothing where that was done before."""
    row = connection.execute("SELECT fingerprint, next FROM key_ring").fetchone()
    in_force, coming = row or (None, None)
    if in_force == crypto.fingerprint(new):
        raise InForce("TOCSIN_SECRET_KEY is in force already.", hint=AFTERWARDS)
    if coming not in (None, crypto.fingerprint(new)):
        raise Refused(
            "A rotation to another key has begun.", hint="Set TOCSIN_SECRET_KEY to that key, and let it end first."
        )
    _all_know_both(new, old)
    if coming is None:
        _persistently(connection, lambda: _make_room(connection, new))


def _make_room(connection: "psycopg.Connection[Any]", new: bytes) -> None:
    rekeying.make_room(connection)
    connection.execute("UPDATE key_ring SET next = %s", (crypto.fingerprint(new),))


def _all_know_both(new: bytes, old: bytes) -> None:
    """Raises Refused for the processes that are connected and lack a key: they would stop at the switch.

    Asked as their own role: to another one PostgreSQL does not show where a connection comes from.
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
    """The next rows above an id, in the caller's transaction; returns their ids."""
    # Nobody has moved or changed a topic: what processes remember of residents stays as it is.
    connection.execute("SET LOCAL tocsin.rekeying = on")
    chosen = ", ".join(keyed.columns)
    rows = rekeying.run(
        connection,
        f"""SELECT id, {keyed.purpose}, {keyed.resident}, {chosen} FROM {keyed.table}
             WHERE id > {after} AND {keyed.pending} ORDER BY id LIMIT {AT_ONCE} FOR NO KEY UPDATE""",
    ).fetchall()
    ids = [row[0] for row in rows]
    values = zip(*_rekeyed(keyed.columns, rows, new), strict=True)
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
    """The new columns of rows (id, values); returns the ids."""
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


def _rekeyed(columns: Sequence[str], rows: Sequence[Any], new: bytes) -> list[Sequence[Any]]:
    """What the new key makes of rows (id, purpose, resident, values), column by column."""
    _, purposes, residents, *old = zip(*rows, strict=True) if rows else ((), (), (), *((),) * len(columns))
    values: dict[str, Sequence[Any]] = dict(zip(columns, old, strict=True))
    if POINT in values:
        were = [points.Sealed(*pair) for pair in zip(values[POINT], values[CELL], strict=True)]
        sealed = points.rekeyed(residents, were, new)
        values[POINT], values[CELL] = [one.point_sealed for one in sealed], [one.cell_index for one in sealed]
    for column in {INDEX, SEALED} & values.keys():
        given = zip(purposes, values[column], strict=True)
        values[column] = [_rekeyed_address(column, purpose, value, new) for purpose, value in given]
    return [values[column] for column in columns]


def _rekeyed_address(column: str, purpose: str, value: bytes | None, new: bytes) -> bytes | None:
    if value is None:
        return None
    if column == INDEX:
        return crypto.next_index(value, new)
    try:
        return crypto.seal(crypto.unseal(value, purpose), purpose, new)
    except Unavailable:  # damaged: it stays as it is (`rekeying.unchanged`)
        return value


def _switch(connection: "psycopg.Connection[Any]", new: bytes, old: bytes, done: Rotated) -> None:
    """The new columns in the place of the old ones, the new key in force: all in the caller's transaction."""
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
    if login := settings().runtime_login():  # what was granted on the old columns went with them
        rights.give(connection, rights.Login(*login))
    left = connection.execute("SELECT older FROM key_ring").fetchone()
    older = keyring.opened(left[0]) if left and left[0] else ()
    connection.execute(
        "UPDATE key_ring SET fingerprint = %s, next = NULL, older = %s, since = now()",
        (crypto.fingerprint(new), keyring.sealed((*older, crypto.lasting(old)), new)),
    )
    done.locked_s = time.monotonic() - began


def _fill_rest(connection: "psycopg.Connection[Any]", keyed: Keyed, new: bytes, done: Rotated) -> None:
    """What came since or was refused before: the switch would lose it with the old columns. Raises Refused."""
    _fill(connection, keyed, new, done)
    if rekeying.pending(connection, keyed):
        with rekeying.unhindered(connection, keyed):
            _fill(connection, keyed, new, done)
    if left := rekeying.pending(connection, keyed):
        raise Refused(
            f"PostgreSQL does not change rows of {keyed.table}: {alarms.some(left)}. All others are ready; nothing was "
            "switched, and the old key stays in force.",
            hint="Look at them with psql, mend or delete them, and run this again: it goes on where it was.",
        )


def _settle(connection: "psycopg.Connection[Any]", now: datetime) -> None:
    """Have PostgreSQL look whether all rows obey the rules of the columns that were switched, now or before a kill."""
    for statements in (rekeying.rules_to_validate, rekeying.columns_to_require):  # the second needs what the first did
        for statement in list(statements(connection)):
            try:
                _persistently(connection, partial(rekeying.run, connection, statement))
            except psycopg.IntegrityError as error:  # the rule goes on holding for what changes
                alarms.refused_row(f"find that all rows obey a rule: {statement}", error, now)


@contextmanager
def _briefly(connection: "psycopg.Connection[Any]") -> Iterator[None]:
    """A transaction that waits for no lock longer than LOCK_TIMEOUT, because everybody else waits behind it."""
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
        "The tables are locked by others all the time.",
        hint="Look for transactions that stay open (pg_stat_activity), then run this again: it goes on where it was.",
    )
