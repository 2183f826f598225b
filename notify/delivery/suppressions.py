"""Suppress addresses that a provider says must not be written to again, or not by this sender.

An answer to a request and a later receipt with the same meaning leave the same rows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

HOW = "told by the provider"


def suppress(
    cursor: "psycopg.Cursor[Any]",
    delivery_ids: Sequence[int],
    reasons: Sequence[str],
    now: datetime,
    claimed_at: datetime | None = None,
) -> set[int]:
    """Suppress the addresses of these deliveries, each for its reason (`contract.Suppress`). Safe to repeat.

    `carrier-block` blocks the pair of sender and address. It also opts the resident out of everything, because it means
    that they sent STOP, unless the block is known from an earlier STOP to this sender that no START has lifted, and the
    resident is not opted out now. Returns the ids of such deliveries: another sender may take them.
    `claimed_at`: the claim that was refused; a delivery claimed again since says nothing about its present sender.
    """
    values = {"ids": list(delivery_ids), "reasons": list(reasons), "now": now, "claimed": claimed_at, "how": HOW}
    return {row[0] for row in cursor.execute(_SUPPRESS, values).fetchall()}


def suppress_addresses(
    cursor: "psycopg.Cursor[Any]", channel: str, indexes: Sequence[bytes], reasons: Sequence[str], now: datetime
) -> None:
    """Suppress addresses, each for its reason, whether or not a contact has them. Safe to repeat."""
    values = {"channel": channel, "indexes": list(indexes), "reasons": list(reasons), "now": now, "how": HOW}
    cursor.execute(_SUPPRESS_ADDRESSES, values)


_SUPPRESS_ADDRESSES = """
    WITH suppressed AS (
        INSERT INTO suppressions (channel, address_index, reason, at)
        SELECT DISTINCT %(channel)s, o.index, o.reason, %(now)s::timestamptz
          FROM unnest(%(indexes)s::bytea[], %(reasons)s::text[]) AS o (index, reason)
        ON CONFLICT DO NOTHING RETURNING channel, address_index, reason
    ), ledger AS (
        INSERT INTO address_ledger (channel, address_index, contact_id, at, act, reason, how)
        SELECT channel, address_index, c.id, %(now)s::timestamptz, 'suppressed', reason, %(how)s
          FROM suppressed LEFT JOIN contacts c USING (channel, address_index)
    )
    INSERT INTO consents (contact_id, kind, at, how)
    SELECT c.id, 'opt-out', %(now)s::timestamptz, %(how)s
      FROM suppressed JOIN contacts c USING (channel, address_index) WHERE suppressed.reason = 'opt-out'
"""

_SUPPRESS = """
    WITH told AS (
        SELECT DISTINCT o.id, o.reason, d.sender_id, c.id AS contact_id, c.channel, c.address_index
          FROM unnest(%(ids)s::bigint[], %(reasons)s::text[]) AS o (id, reason)
          JOIN deliveries d ON d.id = o.id
          JOIN contacts c ON c.id = d.contact_id AND c.timeline_of IS NULL
         WHERE o.reason <> 'carrier-block'
            OR d.claimed_at IS NOT DISTINCT FROM coalesce(%(claimed)s::timestamptz, d.claimed_at)
    ), judged AS (
        SELECT told.*, told.reason = 'carrier-block' AND out.id IS NULL
                   AND k.id IS NOT NULL AND (k.lifted_at IS NULL OR k.doubtful) AS is_back
          FROM told
          LEFT JOIN suppressions out ON (out.channel, out.address_index) = (told.channel, told.address_index)
                                    AND out.topic IS NULL AND out.reason = 'opt-out'
          LEFT JOIN carrier_blocks k ON (k.sender_id, k.address_index) = (told.sender_id, told.address_index)
    ), blocked AS (
        INSERT INTO carrier_blocks (sender_id, address_index, at)
        SELECT DISTINCT sender_id, address_index, %(now)s::timestamptz FROM judged
         WHERE reason = 'carrier-block' AND sender_id IS NOT NULL
        ON CONFLICT (sender_id, address_index) DO UPDATE SET at = excluded.at, lifted_at = NULL, doubtful = false
           WHERE carrier_blocks.lifted_at IS NOT NULL
    ), suppressed AS (
        INSERT INTO suppressions (channel, address_index, reason, at)
        SELECT DISTINCT channel, address_index, replace(reason, 'carrier-block', 'opt-out'), %(now)s::timestamptz
          FROM judged WHERE NOT is_back
        ON CONFLICT DO NOTHING RETURNING channel, address_index, reason
    ), ledger AS (
        INSERT INTO address_ledger (channel, address_index, contact_id, at, act, reason, how, evidence)
        SELECT x.channel, x.address_index, min(j.contact_id), %(now)s::timestamptz, 'suppressed', x.reason, %(how)s,
               'delivery ' || min(j.id)
          FROM suppressed x JOIN judged j ON (j.channel, j.address_index) = (x.channel, x.address_index)
                                         AND replace(j.reason, 'carrier-block', 'opt-out') = x.reason
         GROUP BY x.channel, x.address_index, x.reason
    ), consent AS (
        INSERT INTO consents (contact_id, kind, at, how)
        SELECT DISTINCT contact_id, 'opt-out', %(now)s::timestamptz, %(how)s
          FROM judged JOIN suppressed USING (channel, address_index) WHERE suppressed.reason = 'opt-out'
    )
    SELECT id FROM judged WHERE is_back
"""
