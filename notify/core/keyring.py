"""The record of the secret key that the database was written with. A process with another key cannot connect.

`key_ring` holds one row: the fingerprint of the key in force and, sealed, the lasting keys of those before it. The
first process to connect to a database without a row records its own key, if that key opens the stored addresses.
"""

import json
from typing import TYPE_CHECKING, Any

import psycopg

from notify.core import crypto, process
from notify.core.errors import Unavailable, WrongKey

if TYPE_CHECKING:  # a command that runs a single query does without SQLAlchemy
    from sqlalchemy.orm import Session

KEYS_LOCK = 7_461_003  # shared: an index is computed in this transaction; exclusive: the key in force is being replaced
SEALED_OLDER = "older keys"  # the purpose that the lasting keys are sealed for
POINTS = 100  # addresses to try, of each kind, in a database without a fingerprint

_ROW = "SELECT fingerprint, older FROM key_ring"
_RECORD = "INSERT INTO key_ring (fingerprint, since) VALUES (%s, now()) ON CONFLICT DO NOTHING"


def application_name() -> str:
    """The name of this process in `pg_stat_activity`: its kind, its pid and its keys."""
    try:
        keys = crypto.masters()
    except Unavailable:  # none is set, and migrations need none
        keys = ()
    return process.connection_name(map(shown, keys))


def shown(master: bytes) -> str:
    """The beginning of a key's fingerprint, for people and connection names."""
    return crypto.fingerprint(master).hex()[:12]


def check(connection: "psycopg.Connection[Any]", records: bool = True) -> None:
    """Read which key is in force. Raises WrongKey when this process does not have it.

    `records`: record our key when the database has none yet.
    """
    with connection.cursor() as cursor:
        row = cursor.execute("SELECT to_regclass('key_ring')").fetchone()
        if row is not None and row[0] is not None:
            learn(cursor, records)
    connection.commit()


def learn(cursor: "psycopg.Cursor[Any]", records: bool = True) -> None:
    """Do the same in the caller's transaction, in a database that has the table."""
    found = cursor.execute(_ROW).fetchone()
    if found is None:
        fitting = _fitting(cursor)
        found = crypto.fingerprint(fitting), None
        if records:  # another process may have been quicker
            cursor.execute(_RECORD, found[:1])
            found = cursor.execute(_ROW).fetchone() or found
    crypto.use(_ring(*found))


def is_recorded(s: "Session") -> bool:
    """Whether the database has a fingerprint of its key."""
    return s.connection().exec_driver_sql(_ROW).first() is not None


def hold(s: "Session") -> None:
    """Keep the key in force from changing until this transaction ends, so that indexes computed in it stay right.

    Raises WrongKey when the key was replaced by one that this process does not have.
    """
    s.connection().exec_driver_sql("SELECT pg_advisory_xact_lock_shared(%(lock)s)", {"lock": KEYS_LOCK})
    verify(s)


def verify(s: "Session") -> None:
    """Raise WrongKey when this process does not have the key in force."""
    fingerprint, older = s.connection().exec_driver_sql(_ROW).first() or (b"", None)
    if fingerprint != crypto.fingerprint(crypto.ring().in_force) or older is not None:
        crypto.use(_ring(fingerprint, older))


def _ring(fingerprint: bytes, older: bytes | None) -> crypto.Ring:
    for master in crypto.masters():
        if crypto.fingerprint(master) == fingerprint:
            return crypto.Ring(master, opened(older) if older else ())
    raise _wrong()


def _wrong() -> WrongKey:
    return WrongKey(
        "TOCSIN_SECRET_KEY is not the key that this database was written with.",
        hint="Set the key that all other processes have. To replace it, use `tocsin keys rotate` (docs/keys.md).",
    )


def sealed(older: crypto.Older, master: bytes) -> bytes:
    """Seal the lasting keys of earlier master keys, for `key_ring`."""
    told = [{purpose: key.hex() for purpose, key in one.items()} for one in older]
    return crypto.seal(json.dumps(told), SEALED_OLDER, master)


def opened(older: bytes) -> crypto.Older:
    told = json.loads(crypto.unseal(older, SEALED_OLDER))
    return tuple({purpose: bytes.fromhex(key) for purpose, key in one.items()} for one in told)


def _fitting(cursor: "psycopg.Cursor[Any]") -> bytes:
    """The key of ours that opens most stored addresses. Raises WrongKey when none opens most of them.

    A few addresses prove nothing: before there were fingerprints, a process with a wrong key could write as well.
    """
    masters = crypto.masters()
    stored = cursor.execute(_SPREAD, {"points": POINTS}).fetchall()
    if not stored:
        row = cursor.execute(_INDEXED).fetchone()
        if row is not None and row[0]:
            raise WrongKey(
                "TOCSIN_SECRET_KEY cannot be verified: this database holds suppressions or replies, which only the "
                "right key finds, but no address.",
                hint=_by_hand(masters[0]),
            )
        return masters[0]
    opens = {master: sum(_opens(master, *one) for one in stored) for master in masters}
    best = max(masters, key=lambda master: opens[master])
    if 2 * opens[best] > len(stored):
        return best
    if opens[best]:
        raise WrongKey(
            f"TOCSIN_SECRET_KEY opens {opens[masters[0]]} of {len(stored)} stored addresses, not most of them.",
            hint=f"Find the key that most of them were written with. {_by_hand(masters[0])}",
        )
    raise _wrong()


def _opens(master: bytes, purpose: str, sealed_: bytes) -> bool:
    try:
        crypto.unseal(sealed_, purpose, master)
    except Unavailable:
        return False
    return True


def _by_hand(master: bytes) -> str:
    statement = f"INSERT INTO key_ring (fingerprint, since) VALUES ('\\x{crypto.fingerprint(master).hex()}', now())"  # noqa: S608  for people
    return f"When you are certain that TOCSIN_SECRET_KEY is right, record it: {statement}"


# A sample, spread evenly over the ids from the first to the last.
_SPREAD = """
    (SELECT DISTINCT ON (c.id) c.channel AS purpose, c.address_sealed
       FROM (SELECT min(id) AS low, max(id) AS high FROM contacts WHERE address_sealed IS NOT NULL) AS ends,
            generate_series(0, %(points)s) AS point,
            LATERAL (SELECT id, channel, address_sealed FROM contacts
                      WHERE id >= low + (high - low) * point / %(points)s AND address_sealed IS NOT NULL
                      ORDER BY id LIMIT 1) AS c)
    UNION ALL
    (SELECT DISTINCT ON (p.id) 'address', p.address_sealed
       FROM (SELECT min(id) AS low, max(id) AS high FROM places WHERE address_sealed IS NOT NULL) AS ends,
            generate_series(0, %(points)s) AS point,
            LATERAL (SELECT id, address_sealed FROM places
                      WHERE id >= low + (high - low) * point / %(points)s AND address_sealed IS NOT NULL
                      ORDER BY id LIMIT 1) AS p)
"""
_INDEXED = """
    SELECT EXISTS (SELECT FROM suppressions) OR EXISTS (SELECT FROM inbound) OR EXISTS (SELECT FROM address_ledger)
        OR EXISTS (SELECT FROM contacts)
"""
