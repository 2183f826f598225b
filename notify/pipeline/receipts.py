"""What providers tell later: kept as facts first, applied in bulk after.

`keep` runs in the webhook's request: a receipt is acknowledged when it is in PostgreSQL, and an address that must not
be written to is suppressed in the same transaction. `apply` moves deliveries, several thousand at a time. Receipts
come late, twice and out of order: of what is known of a delivery the highest rank counts, and nothing goes back.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import text

from notify.channels.contract import Receipt
from notify.db import raw, transaction
from notify.lifecycle import DELIVERY

log = structlog.get_logger()

AT_ONCE = 5_000
# "sending>accepted": the moves that lifecycle.py allows, for the WHERE of a set-based UPDATE.
MOVES = [f"{a.value}>{b.value}" for a, after in DELIVERY.items() for b in after]


def keep(provider: str, receipts: Sequence[Receipt], now: datetime) -> None:
    """Write receipts down, by COPY, and suppress at once what must be suppressed (law 4)."""
    with transaction() as s:
        columns = "provider, delivery_id, state, code, reference, event_key, suppress, received_at"
        with raw(s).cursor() as cursor, cursor.copy(f"COPY receipts ({columns}) FROM STDIN") as copy:
            for r in receipts:
                state = r.state.value if r.state else None
                copy.write_row((provider, r.delivery_id, state, r.code, r.reference, r.event_key, r.suppress, now))
        barred = [r for r in receipts if r.suppress]
        if barred:
            s.execute(
                text(_SUPPRESS),
                {"ids": [r.delivery_id for r in barred], "reasons": [r.suppress for r in barred], "now": now},
            )


# A complaint or a bounce is about the address; an opt-out by a link of the provider's is about everything, too.
_SUPPRESS = """
    WITH barred AS (
        SELECT DISTINCT c.id AS contact_id, c.channel, c.address_index, o.reason
          FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS o (id, reason)
          JOIN deliveries d ON d.id = o.id
          JOIN contacts c ON c.id = d.contact_id AND c.timeline_of IS NULL
    ), consent AS (
        INSERT INTO consents (contact_id, kind, at, how)
        SELECT contact_id, 'opt-out', :now, 'told by the provider' FROM barred WHERE reason = 'opt-out'
    )
    INSERT INTO suppressions (channel, address_index, reason, at)
    SELECT channel, address_index, reason, :now FROM barred ON CONFLICT DO NOTHING
"""


def apply(now: datetime) -> int:
    """Move deliveries by the receipts that are not applied yet; returns how many receipts were used up."""
    with transaction() as s:
        applied: int = s.execute(text(_APPLY), {"now": now, "most": AT_ONCE, "moves": MOVES}).scalar_one()
    if applied:
        log.info("receipts.applied", count=applied)
    return applied


_APPLY = """
    WITH fresh AS (
        SELECT * FROM receipts WHERE applied_at IS NULL ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
    ), best AS (
        SELECT DISTINCT ON (delivery_id) delivery_id, state, code, reference, received_at
          FROM fresh WHERE state IS NOT NULL
         ORDER BY delivery_id, array_position(ARRAY['delivered', 'undelivered', 'failed', 'accepted'], state::text), id
    ), moved AS (
        UPDATE deliveries d
           SET state = best.state, settled_at = :now,
               reason = CASE WHEN best.state IN ('undelivered', 'failed')
                             THEN coalesce(nullif(best.code, ''), 'lost') END,
               reference = coalesce(d.reference, nullif(best.reference, '')),
               sent_at = coalesce(d.sent_at, best.received_at)
          FROM best
         WHERE d.id = best.delivery_id AND d.state || '>' || best.state = ANY(:moves)
        RETURNING d.id
    ), used AS (
        UPDATE receipts r SET applied_at = :now FROM fresh WHERE r.id = fresh.id RETURNING r.id
    )
    SELECT count(*) FROM used
"""
