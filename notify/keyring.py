"""Which secret key the database was written with. Every connection is refused to a process that has another one.

`key_ring` holds one row: the fingerprint of the key in force, and what is left of the keys before it, sealed. The first
process that connects with a key to a database without a row records its own.
"""

import json
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import crypto
from notify.errors import Unavailable, WrongKey

KEYS_LOCK = 7_461_003  # shared: an index is computed in this transaction; alone: the key in force is being replaced
SEALED_OLDER = "older keys"  # the purpose that they are sealed for
TRIED = 20  # sealed addresses of a database that has no fingerprint yet

_ROW = "SELECT fingerprint, older FROM key_ring"


def application_name() -> str:
    """What `pg_stat_activity` shows of this process: which keys it has, by the beginnings of their fingerprints."""
    try:
        return " ".join(["tocsin", *map(shown, crypto.masters())])
    except Unavailable:  # no key is set: for migrations none is needed
        return "tocsin"


def shown(master: bytes) -> str:
    """Of a key."""
    return crypto.fingerprint(master).hex()[:12]


def check(connection: "psycopg.Connection[Any]") -> None:
    """Read which key is in force. Raises WrongKey when we have another one; records ours where there is none yet."""
    with connection.cursor() as cursor:
        row = cursor.execute("SELECT to_regclass('key_ring')").fetchone()
        if row is not None and row[0] is not None:
            found = cursor.execute(_ROW).fetchone()
            if found is None:
                _record(cursor)
                found = cursor.execute(_ROW).fetchone()
            assert found is not None  # noqa: S101  it was just written, and is never deleted
            crypto.use(_ring(*found))
    connection.commit()


def hold(s: Session) -> None:
    """Keep the key in force as it is until this transaction ends, so that an index that is computed in it fits.

    Raises WrongKey when it was replaced since this process read its settings.
    """
    s.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": KEYS_LOCK})
    verify(s)


def verify(s: Session) -> None:
    """Raises WrongKey when the key in force is none of ours."""
    fingerprint, older = s.execute(text(_ROW)).first() or (b"", None)
    if fingerprint != crypto.fingerprint(crypto.ring().in_force) or older is not None:
        crypto.use(_ring(fingerprint, older))


def _ring(fingerprint: bytes, older: bytes | None) -> crypto.Ring:
    for master in crypto.masters():
        if crypto.fingerprint(master) == fingerprint:
            return crypto.Ring(master, opened(older) if older else ())
    raise WrongKey(
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


def _record(cursor: "psycopg.Cursor[Any]") -> None:
    """The fingerprint of our key, if it opens what is there; two processes may do this at once."""
    rows = cursor.execute(
        """SELECT channel, address_sealed FROM contacts WHERE address_sealed IS NOT NULL
            ORDER BY id DESC LIMIT %s""",
        (TRIED,),
    ).fetchall()
    fitting = [master for master in crypto.masters() if not rows or _opens_any(rows, master)]
    if not fitting:
        _ring(b"", None)
    cursor.execute(
        "INSERT INTO key_ring (fingerprint, since) VALUES (%s, now()) ON CONFLICT DO NOTHING",
        (crypto.fingerprint(fitting[0]),),
    )


def _opens_any(rows: list[Any], master: bytes) -> bool:
    for channel, address_sealed in rows:
        try:
            crypto.unseal(address_sealed, channel, master)
        except Unavailable:
            continue
        return True
    return False
