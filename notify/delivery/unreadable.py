"""Addresses that cannot be decrypted: they are damaged, or this process has the wrong key if it decrypts no other."""

import socket
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from notify.core import alarms, crypto
from notify.core.db import transaction
from notify.core.errors import Unavailable
from notify.delivery.claims import Claimed
from notify.delivery.outcomes import Outcome
from notify.models import Contact
from notify.models.states import DeliveryState

REASON = alarms.UNREADABLE_ADDRESS
TRIED = 20  # addresses to try before calling the key wrong


def outcomes(unreadable: Sequence[Claimed], alert_id: int, now: datetime) -> tuple[list[Outcome], bool]:
    """Raise an alarm; return the outcomes of these deliveries and whether our key is the right one.

    A delivery with a damaged address fails. With a wrong key it is queued again: another host may have the right one.
    """
    right_key, host = _has_right_key(), socket.gethostname()
    with transaction() as s:
        if right_key:
            contacts = ", ".join(str(one.contact_id) for one in unreadable[:10])
            told = f"The addresses of some contacts cannot be decrypted ({contacts}). Enter them again."
        else:
            told = (
                f"A worker on {host} cannot decrypt any address: its TOCSIN_SECRET_KEY is not the key that encrypted"
                " them. Set it to the key of the other hosts, and restart the worker."
            )
        alarms.sound(s, REASON, told, now, alert_id=alert_id, about="" if right_key else f"key of {host}")
    if right_key:
        return [Outcome(one.delivery_id, DeliveryState.FAILED, REASON) for one in unreadable], True
    return [Outcome(one.delivery_id, DeliveryState.QUEUED, counts=False) for one in unreadable], False


def _has_right_key() -> bool:
    """Return whether our key decrypts any address."""
    with transaction() as s:
        kept = select(Contact.channel, Contact.address_sealed).where(Contact.address_sealed.is_not(None))
        rows = s.execute(kept.order_by(Contact.id.desc()).limit(TRIED)).all()
    return any(_can_decrypt(sealed, channel) for channel, sealed in rows if sealed)


def _can_decrypt(sealed: bytes, channel: str) -> bool:
    try:
        crypto.unseal(sealed, channel)
    except Unavailable:
        return False
    return True
