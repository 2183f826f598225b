"""The last reminder of a resident with its exact words, for the desk."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.delivery import direct_secrets, reminder_places


@dataclass(frozen=True, slots=True)
class LastReminder:
    """`state`, `channel`: of its message. `words`: with the addresses of its places."""

    channel: str
    state: str
    subject: str
    words: str
    made_at: datetime


def last(s: Session, subscriber_id: int, called: Callable[[str], str]) -> LastReminder | None:
    """Return the last one. `called`: what of an address may be seen."""
    row = s.execute(text(_LAST), {"id": subscriber_id}).one_or_none()
    if row is None:
        return None
    addresses = reminder_places.addresses(s, [row.id]).get(row.id, {})
    seen = {stand_in: called(address) for stand_in, address in addresses.items()}
    return LastReminder(row.channel, row.state, row.subject, direct_secrets.put_in(seen, row.text), row.made_at)


# Each half has an index that begins with the resident.
_LAST = """
    SELECT m.id, m.channel, m.state, m.subject, m.text, m.made_at
      FROM (SELECT message_id FROM reminders WHERE kind = 'evening' AND subscriber_id = :id
            UNION ALL SELECT message_id FROM reminders WHERE kind <> 'evening' AND subscriber_id = :id) r
      JOIN direct_messages m ON m.id = r.message_id
     ORDER BY m.id DESC LIMIT 1
"""
