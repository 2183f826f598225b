"""The ledger of an address: what was agreed to, suppressed and lifted, when, how, and what proves it.

It is found by the keyed index, so that it answers for an address that nobody has any more, too: after an erasure, a
correction, or when somebody else has joined with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import keyring
from notify.models import Operator
from notify.subscribers import addresses
from notify.subscribers.record import owner
from notify.subscribers.serving import note, parse, require


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind`: opt-in, suppressed, lifted, erased, text (from the address to us) or carrier-block. `topic` None:
    everything. `reason`: of a suppression; of a text, its meaning. `words`: what was agreed to, if it was stored."""

    at: datetime
    kind: str
    topic: str | None
    reason: str
    how: str
    evidence: str
    words: str


def of_address(s: Session, address: str, now: datetime, by: Operator | None) -> Sequence[Entry]:
    """Return the ledger of a phone or an email, the oldest entry first. Needs the permission `serve`; the audit names
    who looked, never the address. Raises Invalid, NotAllowed."""
    require(by)
    channel, kept = parse(address)
    keyring.hold(s)
    index = addresses.index(channel, kept)
    note(s, now, by, "ledger", owner(s, channel, index) or 0, channel=channel)
    return read(s, channel, index)


def read(s: Session, channel: str, index: bytes) -> Sequence[Entry]:
    return [Entry(*row) for row in s.execute(text(_LEDGER), {"channel": channel, "index": index})]


# A lifted suppression is stored as an opt-in, too. The contacts of `had` have the address now, or had it before.
_LEDGER = """
    WITH had AS (
        SELECT id FROM contacts WHERE (channel, address_index) = (:channel, :index)
        UNION SELECT contact_id FROM address_ledger
               WHERE (channel, address_index) = (:channel, :index) AND contact_id IS NOT NULL
    )
    SELECT at, act, topic::text, reason, how, evidence, '' AS words FROM address_ledger
     WHERE (channel, address_index) = (:channel, :index)
    UNION ALL
    SELECT o.at, 'opt-in', o.topic::text, '', o.how, '', o.words FROM had JOIN consents o ON o.contact_id = had.id
     WHERE o.kind = 'opt-in'
       AND NOT EXISTS (SELECT FROM address_ledger l
                        WHERE (l.channel, l.address_index) = (:channel, :index) AND l.act = 'lifted' AND l.at = o.at)
    UNION ALL
    SELECT received_at, 'text', NULL, meaning, '', provider || ' ' || reference, '' FROM inbound
     WHERE address_index = :index
    UNION ALL
    SELECT b.at, 'carrier-block', NULL, CASE WHEN b.lifted_at IS NULL THEN 'in force' ELSE 'lifted' END, '',
           'sender ' || b.sender_id, ''
      FROM carrier_blocks b JOIN senders x ON x.id = b.sender_id
     WHERE b.address_index = :index AND x.channel = :channel
     ORDER BY 1, 2, 3 NULLS FIRST
"""
