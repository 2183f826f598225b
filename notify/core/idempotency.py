"""Perform a request once when a program that got no answer repeats it with the same `Idempotency-Key`.

See draft-ietf-httpapi-idempotency-key-header. Only hashes are stored, per API key, for KEPT.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.errors import Invalid

KEPT = timedelta(hours=24)
LONGEST = 255  # characters


def first(s: Session, api_key_id: int, key: str, body: bytes, now: datetime) -> int | None:
    """The alert that this request made earlier; None for the first request, which calls `made` in this transaction.

    A concurrent repetition waits for the first. Raises Invalid when the key was used with a different body.
    """
    values = {"api_key": api_key_id, "key": _hash(key.encode()), "body": _hash(body), "now": now, "since": now - KEPT}
    s.execute(text("DELETE FROM idempotency_keys WHERE at < :since"), values)
    new = s.execute(
        text("""INSERT INTO idempotency_keys (api_key_id, key_hash, body_hash, at) VALUES (:api_key, :key, :body, :now)
                ON CONFLICT DO NOTHING RETURNING 1"""),
        values,
    ).first()
    if new is not None:
        return None
    there = s.execute(
        text("""SELECT body_hash, alert_id FROM idempotency_keys
                 WHERE (api_key_id, key_hash) = (:api_key, :key)"""),
        values,
    ).one()
    if bytes(there.body_hash) != values["body"]:
        raise Invalid(
            "This Idempotency-Key was used for another request.", hint="Make a new one for each alert, such as a UUID."
        )
    return int(there.alert_id)


def made(s: Session, api_key_id: int, key: str, alert_id: int) -> None:
    """Record the alert that the first request made."""
    s.execute(
        text("""UPDATE idempotency_keys SET alert_id = :alert
                 WHERE (api_key_id, key_hash) = (:api_key, :key)"""),
        {"alert": alert_id, "api_key": api_key_id, "key": _hash(key.encode())},
    )


def _hash(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
