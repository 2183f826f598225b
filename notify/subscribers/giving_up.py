"""A contact that its resident has no more: a corrected one, and one that has passed to somebody else."""

from datetime import datetime

from sqlalchemy.orm import Session

from notify.core.settings import settings
from notify.models import AddressLedger, Contact, Subscriber


def give_up(s: Session, old: Contact, at: datetime, *, reason: str, how: str) -> None:
    """Move a contact, without its address, to an erased resident of its own.

    What was sent to it and what its owner agreed to stays with it, and what is not claimed yet ends `erased`. By the
    ledger an unsubscribe link of a message that was sent still finds the address. Imports treat it as erased.
    """
    since = s.get_one(Subscriber, old.subscriber_id).created_at  # its alerts stay in the record that one finds by it
    nobody = Subscriber(language=settings().languages[0], created_at=since, erased_at=at)
    s.add(nobody)
    s.flush()
    old.subscriber_id, old.address_sealed, old.verified_at = nobody.id, None, None
    s.add(
        AddressLedger(
            channel=old.channel, address_index=old.address_index, contact_id=old.id, at=at, act="erased",
            reason=reason, how=how,
        )
    )  # fmt: skip
    s.flush()
