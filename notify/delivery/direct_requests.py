"""Where a message to one person goes, and the request that carries it."""

from typing import Any

from notify.channels.channel import CHANNELS
from notify.channels.contract import Content, Message, Recipient
from notify.core import crypto
from notify.core.errors import Unavailable
from notify.core.settings import Settings
from notify.delivery.requests import EVERYTHING, unsubscribe_url

COLUMNS = """m.id, m.channel, m.subject, m.text, coalesce(m.alert_id, 0) AS alert_id,
             coalesce(a.status, 'Actual') AS status,
             coalesce(a.topic::text, CASE WHEN m.kind = 'reminder' THEN 'collection' ELSE '' END) AS topic"""
# Letters about the account go to the email that its owner signs in with, all others to contacts of their own.
ADDRESS = """
    CASE WHEN m.operator_id IS NOT NULL AND m.alert_id IS NULL AND m.kind <> 'code'
         THEN (SELECT email FROM operators o WHERE o.id = m.operator_id AND o.disabled_at IS NULL) END AS email,
    coalesce((SELECT address_sealed FROM operator_contacts c
               WHERE c.operator_id = m.operator_id AND c.channel = m.channel
                 AND (c.verified_at IS NOT NULL OR m.kind = 'code')),
             (SELECT address_sealed FROM joinings j WHERE j.id = m.joining_id),
             (SELECT address_sealed FROM contacts c WHERE c.id = m.contact_id)) AS sealed
"""

# Whose contact a message can be unsubscribed from. A code answers what somebody has just asked for, perhaps before
# there is a resident, and would come after an opt-out, too: a link in it that promised none would be untrue.
CONTACT = """
    CASE WHEN m.kind <> 'join-code'
         THEN coalesce(m.contact_id, (SELECT contact_id FROM joinings j WHERE j.id = m.joining_id)) END
"""


def opened(row: Any) -> tuple[str | None, str]:
    """Return the address of a message, from the columns ADDRESS; without one, why there is none."""
    try:
        if row.email or row.sealed is not None:
            return row.email or crypto.unseal(row.sealed, row.channel), ""
    except Unavailable:
        return None, "unreadable-address"
    return None, "no-contact"


def message(
    row: Any,
    words: str,
    subject: str,
    sender_address: str,
    address: str,
    settings: Settings,
    contact_id: int | None = None,
) -> Message:
    """Return the request. Its number is negative, so that no receipt of it is taken for one of a delivery.

    `contact_id`: of the resident who can leave by the email's one click: its topic, if it has one.
    """
    content = Content(row.alert_id, "en", row.topic, subject if CHANNELS[row.channel].letter else "", words, "")
    leaves = contact_id is not None and CHANNELS[row.channel].leaves_by == "link"
    link = unsubscribe_url(settings, contact_id, row.topic or EVERYTHING) if leaves and contact_id is not None else ""
    recipient = Recipient(-row.id, address, link)
    return Message(content, sender_address, [recipient], f"{settings.public_url}/hooks")
