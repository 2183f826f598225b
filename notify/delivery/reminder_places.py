"""Put the addresses of a resident's places into the words of a reminder, at the moment in which it is sent: a street
address is stored sealed only."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.core import crypto
from notify.core.errors import Unavailable

KIND = "reminder"
PLACES = tuple(f"{{place{n}}}" for n in range(1, 6))  # where they stand in the words; nobody reads of more than five
SEALED_ADDRESS = "address"  # the purpose with which street addresses are encrypted


def addresses(s: Session, messages: Sequence[int]) -> Mapping[int, Mapping[str, str]]:
    """Return the addresses in reminders by the ids of their messages. One of which a place was removed is left out."""
    rows = s.execute(text(_PLACES), {"ids": list(messages)}).all()
    found: dict[int, dict[str, str]] = {}
    gone = set()
    for row in rows:
        if row.label is None:
            gone.add(row.message_id)
        else:
            found.setdefault(row.message_id, {})[PLACES[row.at - 1]] = _called(row)
    return {message: places for message, places in found.items() if message not in gone}


def _called(row: Any) -> str:
    """Return the confirmed address; what its owner calls the place where there is none that can be read."""
    name = row.label
    with suppress(Unavailable):  # an alarm rings for it elsewhere
        name = crypto.unseal(bytes(row.address_sealed), SEALED_ADDRESS) if row.address_sealed else name
    return CHANNELS[row.channel].written(name)


_PLACES = """
    SELECT r.message_id, m.channel, n.at, p.label, p.address_sealed
      FROM reminders r JOIN direct_messages m ON m.id = r.message_id
     CROSS JOIN unnest(r.places) WITH ORDINALITY AS n (place, at)
      LEFT JOIN places p ON p.id = n.place AND p.subscriber_id = r.subscriber_id
     WHERE r.message_id = ANY(CAST(:ids AS bigint[])) AND n.at <= 5
"""
