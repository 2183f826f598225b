"""Which secret key the database was written with. Every connection is refused to a process that has another one.

`key_ring` holds one row: the fingerprint of the key in force, and what is left of the keys before it, sealed. The first
process that connects to a database without a row records its own key, if it is the one that opens what is stored.
"""

import json
from typing import TYPE_CHECKING, Any

import psycopg

from notify.core import crypto, process
from notify.core.errors import Unavailable, WrongKey

if TYPE_CHECKING:  # a command that asks one question does without SQLAlchemy
    from sqlalchemy.orm import Session

KEYS_LOCK = 7_461_003  # shared: an index is computed in this transaction; alone: the key in force is being replaced
SEALED_OLDER = "older keys"  # the purpose that they are sealed for
POINTS = 100  # at which the addresses of a database are tried that has no fingerprint yet

_ROW = "SELECT fingerprint, older FROM key_ring"
_RECORD = "INSERT INTO key_ring (fingerprint, since) VALUES (%s, now()) ON CONFLICT DO NOTHING"


def application_name() -> str:
    """What `pg_stat_activity` shows of this process: which it is, and which keys it has."""
    try:
        keys = crypto.masters()
    except Unavailable:  # none is set: for migrations none is needed
        keys = ()
    return process.connection_name(map(shown, keys))


def shown(master: bytes) -> str:
    """Of a key: the beginning of its fingerprint."""
    return crypto.fingerprint(master).hex()[:12]


def check(connection: "psycopg.Connection[Any]", records: bool = True) -> None:
    """Read which key is in force. Raises WrongKey when we have another one.

    `records`: where there is none yet, ours is written down.
    """
    with connection.cursor() as cursor:
        row = cursor.execute("SELECT to_regclass('key_ring')").fetchone()
        if row is not None and row[0] is not None:
            learn(cursor, records)
    connection.commit()


def learn(cursor: "psycopg.Cursor[Any]", records: bool = True) -> None:
    """The same inside a transaction of the caller's, in a database that has the table."""
    found = cursor.execute(_ROW).fetchone()
    if found is None:
        fitting = _fitting(cursor)
        found = crypto.fingerprint(fitting), None
        if records:  # two processes may do this at once
            cursor.execute(_RECORD, found[:1])
            found = cursor.execute(_ROW).fetchone() or found
    crypto.use(_ring(*found))


def is_recorded(s: "Session") -> bool:
    """Whether the database has a fingerprint."""
    return s.connection().exec_driver_sql(_ROW).first() is not None


def hold(s: "Session") -> None:
    """Keep the key in force as it is until this transaction ends, so that an index that is computed in it fits.

    Raises WrongKey when it was replaced since this process read its settings.
    """
    s.connection().exec_driver_sql("SELECT pg_advisory_xact_lock_shared(%(lock)s)", {"lock": KEYS_LOCK})
    verify(s)


def verify(s: "Session") -> None:
    """Raises WrongKey when the key in force is none of ours."""
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
    """What is left of earlier keys, for `key_ring`."""
    told = [{purpose: key.hex() for purpose, key in one.items()} for one in older]
    return crypto.seal(json.dumps(told), SEALED_OLDER, master)


def opened(older: bytes) -> crypto.Older:
    told = json.loads(crypto.unseal(older, SEALED_OLDER))
    return tuple({purpose: bytes.fromhex(key) for purpose, key in one.items()} for one in told)


def _fitting(cursor: "psycopg.Cursor[Any]") -> bytes:
    """The key of ours that opens most of what is there. Raises WrongKey when none does.

    A few addresses prove nothing: before there were fingerprints, a process with a wrong key could write, too.
    """
    masters = crypto.masters()
    stored = cursor.execute(_SPREAD, {"points": POINTS}).fetchall()
    if not stored:
        row = cursor.execute(_INDEXED).fetchone()
        if row is not None and row[0]:
            raise WrongKey(
                "Nothing shows that TOCSIN_SECRET_KEY is the key of this database: it holds suppressions or replies, "
                "which only the right key finds, and no address.",
                hint=_by_hand(masters[0]),
            )
        return masters[0]
    opens = {master: sum(_opens(master, *one) for one in stored) for master in masters}
    best = max(masters, key=lambda master: opens[master])
    if 2 * opens[best] > len(stored):
        return best
    if opens[best]:
        raise WrongKey(
            f"TOCSIN_SECRET_KEY opens {opens[masters[0]]} of {len(stored)} stored addresses, and that is not most.",
            hint=f"Find the key that most were written with. {_by_hand(masters[0])}",
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


# Found by their ids, at points that lie evenly between the first and the last.
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
    SELECT EXISTS (SELECT FROM suppressions) OR EXISTS (SELECT FROM inbound) OR EXISTS (SELECT FROM contacts)
"""
