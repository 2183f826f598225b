"""Put the place that a question is about into its words, at the moment in which it is sent: a street address is stored
sealed only."""

import json
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.core import crypto
from notify.core.errors import Unavailable

PLACE = "{place}"  # where it stands in the words


def place(s: Session, contact_id: int, channel: str, now: datetime) -> str | None:
    """Return the place; "" for a question about none. None if the contact is not being asked any more."""
    kept = s.execute(
        text("""SELECT v.kept_sealed FROM contacts c JOIN conversations v USING (channel, address_index)
                 WHERE c.id = :contact AND v.asked <> '' AND v.ends_at > :now"""),
        {"contact": contact_id, "now": now},
    ).scalar_one_or_none()
    if kept is None:
        return None
    try:
        named = str(json.loads(crypto.unseal(bytes(kept), channel)).get("place", ""))
    except Unavailable:
        return None
    return CHANNELS[channel].written(named)
