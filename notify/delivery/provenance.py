"""Decide which receipts are ours: other systems may share our account at a provider and number their messages, too.

A receipt is about our delivery if only we can have assigned its id, or if it carries the proof that was sent with the
message (`crypto.proof`), which only this installation can make. Mail sent by earlier versions carries a bare id, which
counts if the event's address is that of the delivery's contact. Other receipts may still suppress an address.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels import registry
from notify.channels.channel import CHANNELS
from notify.channels.contract import ABOUT_ADDRESS, Receipt
from notify.core import crypto, keyring

log = structlog.get_logger()


def ours(s: Session, provider: str, receipts: Sequence[Receipt]) -> list[Receipt]:
    """Return the receipts of our deliveries, and others that suppress an address of ours (without their delivery)."""
    proven: list[Receipt] = []
    doubtful: list[Receipt] = []
    for r in receipts:
        (proven if _is_proven(r) else doubtful).append(r)
    return proven + _matched_by_address(s, provider, doubtful) if doubtful else proven


def _is_proven(r: Receipt) -> bool:
    if r.proof is None:
        return True
    return bool(r.proof) and r.delivery_id is not None and crypto.is_proof(r.proof, r.delivery_id, r.address)


def _matched_by_address(s: Session, provider: str, doubtful: Sequence[Receipt]) -> list[Receipt]:
    keyring.hold(s)
    channel = CHANNELS[registry.PROVIDERS[provider].channel]
    values = {
        "channel": channel.name,
        "ids": [None if r.proof else r.delivery_id for r in doubtful],  # a wrong proof is no better than none
        "indexes": [channel.address_index(r.address) for r in doubtful],
    }
    found = []
    for row in s.execute(text(_FIND), values):
        r = doubtful[row.place - 1]
        if row.delivery_id is not None:
            found.append(replace(r, blame=None if r.blame == "us" else r.blame))  # not proof enough to stop a sender
        elif r.suppress in ABOUT_ADDRESS:
            found.append(replace(r, delivery_id=None, state=None, blame=None))
    if len(found) < len(doubtful):
        log.info("receipts.of_other_systems", provider=provider, count=len(doubtful) - len(found))
    return found


_FIND = """
    SELECT o.place, d.id AS delivery_id
      FROM unnest(CAST(:ids AS bigint[]), CAST(:indexes AS bytea[])) WITH ORDINALITY AS o (id, index, place)
      JOIN contacts c ON c.channel = :channel AND c.address_index = o.index AND c.timeline_of IS NULL
      LEFT JOIN deliveries d ON d.id = o.id AND d.contact_id = c.id
     ORDER BY o.place
"""
