"""Browsers that an operator has signed in with before. A cookie of a year marks them; its hash is kept."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from notify.core import crypto
from notify.models import KnownDevice

LIFE = timedelta(days=365)


def new_token() -> str:
    return secrets.token_urlsafe(32)


def find(s: Session, token: str, operator_id: int | None, now: datetime) -> int | None:
    """The id of the device, if this operator has signed in with it."""
    return s.scalar(
        select(KnownDevice.id).where(
            KnownDevice.token_hash == crypto.hash_key(token),
            KnownDevice.operator_id == operator_id,
            KnownDevice.seen_at > now - LIFE,
        )
    )


def keep(s: Session, token: str, operator_id: int, now: datetime) -> bool:
    """Remember that the operator has signed in here. Several operators may share a desk and its browser.

    Returns whether it is the first time, or the first in a year.
    """
    new = find(s, token, operator_id, now) is None
    s.execute(
        text("""INSERT INTO known_devices (token_hash, operator_id, seen_at) VALUES (:token, :operator, :now)
                ON CONFLICT (token_hash, operator_id) DO UPDATE SET seen_at = excluded.seen_at"""),
        {"token": crypto.hash_key(token), "operator": operator_id, "now": now},
    )
    return new


def forget(s: Session, operator_id: int) -> None:
    """Forget all devices of an operator."""
    s.execute(delete(KnownDevice).where(KnownDevice.operator_id == operator_id))


def forget_old(s: Session, now: datetime) -> None:
    s.execute(delete(KnownDevice).where(KnownDevice.seen_at < now - LIFE))
