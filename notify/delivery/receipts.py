"""Receipts, which providers send after accepting a message: stored first, applied in bulk later.

`keep` runs in the webhook's request. A receipt is acknowledged once it is in PostgreSQL; in the same transaction,
addresses that must not be written to are suppressed, and senders that cannot work are stopped. `apply` moves
deliveries, several thousand at a time. Receipts arrive late, twice and out of order, so the highest rank counts and no
delivery goes back to a lower one. `provenance` decides whether a receipt is about one of our deliveries.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from notify.channels import registry
from notify.channels.channel import CHANNELS
from notify.channels.contract import Receipt
from notify.core import alarms, db, keyring, states
from notify.core.db import engine, raw, transaction
from notify.delivery import carrier_blocks, provenance, provider_faults, suppressions

log = structlog.get_logger()

AT_ONCE = 5_000
SOME = 20  # ids in a line of the log
RANKS = ["accepted", "failed", "undelivered", "delivered"]  # `undelivered` had left the provider; `failed` had not
RETURNING_RANKS = ["accepted", "failed", "delivered", "undelivered"]
# "sending>accepted": the moves that core/states.py allows, for the WHERE of a set-based UPDATE.
MOVES = [f"{a.value}>{b.value}" for a, after in states.DELIVERY.items() for b in after]
HELD_BACK = [state.value for state in states.HELD_BACK]
GUESSES = ["outcome-unknown", "not-sent"]  # reasons that we gave when the provider reported nothing


def store(provider: str, receipts: Sequence[Receipt], now: datetime, pool: Callable[[], Engine] = engine) -> None:
    """Store receipts by COPY. Suppress addresses and stop senders at once where a receipt demands it (law 4)."""
    with transaction(pool) as s:
        receipts = provenance.ours(s, provider, receipts)
        _suppress(s, provider, [r for r in receipts if r.suppress], now)
        columns = "provider, delivery_id, state, code, reference, event_key, suppress, blame, received_at"
        with raw(s).cursor() as cursor, cursor.copy(f"COPY receipts ({columns}) FROM STDIN") as copy:
            for r in receipts:
                state = r.state.value if r.state else None
                row = (provider, r.delivery_id, state, r.code, r.reference, r.event_key, r.suppress, r.blame or "", now)
                copy.write_row(row)
        provider_faults.stop_refused_senders(s, provider, receipts, now)


def _suppress(s: Session, provider: str, barred: Sequence[Receipt], now: datetime) -> None:
    if not barred:
        return
    keyring.hold(s)
    channel = CHANNELS[registry.PROVIDERS[provider].channel]
    told = {
        "ids": [r.delivery_id for r in barred],
        "reasons": [r.suppress for r in barred],
        "codes": [r.code for r in barred],
        "keys": [r.event_key for r in barred],
        "references": [r.reference for r in barred],
        "indexes": [channel.address_index(r.address) if r.address else None for r in barred],
        "provider": provider,
    }
    rows = s.execute(text(_NEWS), told).all()
    of_deliveries = [row for row in rows if row.fits]
    of_addresses = [row for row in rows if not row.fits and row.address_index and row.reason != "carrier-block"]
    with raw(s).cursor() as cursor:
        back = suppressions.suppress(
            cursor, [row.id for row in of_deliveries], [row.reason for row in of_deliveries], now
        )
        again = [(row.id, row.reference, row.code) for row in of_deliveries if row.id in back and row.reference]
        carrier_blocks.note_refusals(cursor, again, now)
        suppressions.suppress_addresses(
            cursor, channel.name, [row.address_index for row in of_addresses], [row.reason for row in of_addresses], now
        )
    strange = [row.id for row in rows if not row.fits and row.address_index is None]
    if strange:
        log.warning("receipts.no_address_to_suppress", provider=provider, count=len(strange), deliveries=strange[:SOME])


# A repeated receipt is ignored: the resident may have opted in again since. A carrier's block concerns only the sender
# of that message, and another sender may have sent the delivery since. `fits`: the delivery's contact still has the
# address that the provider names, if it names one.
_NEWS = """
    SELECT o.id, o.reason, o.code, o.reference, o.address_index,
           c.id IS NOT NULL AND c.address_index = coalesce(o.address_index, c.address_index) AS fits
      FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[]), CAST(:codes AS text[]), CAST(:keys AS text[]),
                  CAST(:references AS text[]), CAST(:indexes AS bytea[]))
           AS o (id, reason, code, key, reference, address_index)
      LEFT JOIN deliveries d USING (id) LEFT JOIN contacts c ON c.id = d.contact_id
     WHERE NOT EXISTS (SELECT FROM receipts r WHERE r.event_key = o.key AND r.provider = :provider
                          AND r.suppress <> '' AND r.event_key <> '')
       AND (o.reason <> 'carrier-block' OR o.reference = '' OR d.reference IS NULL OR o.reference = d.reference)
       AND NOT EXISTS (SELECT FROM carrier_refusals x WHERE (x.delivery_id, x.reference) = (o.id, o.reference))
"""


def apply(now: datetime) -> int:
    """Move deliveries by the receipts that are not applied yet. Returns how many receipts were used up.

    The result does not depend on the order of the receipts, on repeats, or on how they are split between calls: the
    highest rank wins, then the first code in the alphabet. A receipt for a delivery that was never attempted, or is
    not ours, moves nothing and is logged; one that PostgreSQL refuses is set aside (law 15). All of these are used up.
    """
    try:
        return _apply(now, None)
    except db.AWAY:
        raise
    except DBAPIError as error:
        log.warning("receipts.refused", error=db.reason(error))
        with transaction() as s:
            fresh = s.scalars(text(f"SELECT id {_FRESH}"), {"most": AT_ONCE}).all()
        db.in_halves(fresh, lambda some: _apply(now, some), lambda one, why: _set_aside(one, why, now))
        return len(fresh)


def _set_aside(receipt: int, why: Exception, now: datetime) -> None:
    with transaction() as s:
        row = s.execute(
            text("""UPDATE receipts r SET applied_at = :now WHERE id = :id RETURNING delivery_id,
                           (SELECT alert_id FROM deliveries d WHERE d.id = r.delivery_id) AS alert"""),
            {"id": receipt, "now": now},
        ).one()
    what = f"apply receipt {receipt} to delivery {row.delivery_id}"
    alarms.refused_row(what, why, now, alert_id=row.alert)


def _returning() -> list[str]:
    """Return the providers whose delivered messages may come back later."""
    return [name for name, provider in registry.PROVIDERS.items() if provider.may_return]


def _apply(now: datetime, only: Sequence[int] | None) -> int:
    """Apply the oldest receipts that are not applied yet, or those with the ids `only`."""
    with transaction() as s:
        # Look deliveries up by key, in the order of their ids: workers lock them in the same order.
        s.execute(
            text("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off")
        )
        values = {"now": now, "moves": MOVES, "held": HELD_BACK, "guesses": GUESSES}
        values |= {"ranks": RANKS, "returning": _returning(), "returning_ranks": RETURNING_RANKS}
        values |= {"most": AT_ONCE} if only is None else {"only": list(only)}
        applied = s.execute(text(_APPLY if only is None else _APPLY_THESE), values).one()
    if applied.filtered:
        with transaction() as s:  # separate: a failure to stop a sender must not undo the receipts
            provider_faults.stop_filtered_senders(s, now)
    if applied.strange:
        log.warning("receipts.not_ours", count=len(applied.strange), deliveries=applied.strange[:SOME])
    if applied.used:
        log.info("receipts.applied", count=applied.used, moved=applied.moved)
    return int(applied.used)


_FRESH = "FROM receipts WHERE applied_at IS NULL ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED"
_THESE = "FROM receipts WHERE applied_at IS NULL AND id = ANY(:only) FOR UPDATE SKIP LOCKED"
_APPLY = f"""
    WITH fresh AS (
        SELECT * {_FRESH}
    ), told AS (
        SELECT delivery_id, state, received_at, nullif(reference, '') AS reference,
               ranks, array_position(ranks, state::text) AS rank,
               CASE WHEN state IN ('undelivered', 'failed') THEN coalesce(nullif(code, ''), 'lost') END AS reason
          FROM fresh, LATERAL (SELECT CAST(CASE WHEN provider = ANY(CAST(:returning AS text[])) THEN :returning_ranks
                                                ELSE :ranks END AS text[]) AS ranks) AS r
         WHERE state IS NOT NULL
           AND NOT EXISTS (SELECT FROM carrier_refusals x
                            WHERE (x.delivery_id, x.reference) = (fresh.delivery_id, fresh.reference))
    ), best AS MATERIALIZED (
        SELECT DISTINCT ON (delivery_id) *, CASE WHEN reason = 'lost' THEN 1 ELSE 0 END AS doubt
          FROM told ORDER BY delivery_id, rank DESC, reason = 'lost', reason COLLATE "C", received_at
    ), moved AS (
        UPDATE deliveries d
           SET state = best.state, reason = best.reason,
               settled_at = CASE WHEN d.state = best.state THEN d.settled_at ELSE best.received_at END,
               reference = coalesce(d.reference, best.reference),
               sent_at = coalesce(d.sent_at, best.received_at)
          FROM best
         WHERE d.id = best.delivery_id
           AND (d.state || '>' || best.state = ANY(:moves)
                    AND best.rank > coalesce(array_position(best.ranks, d.state::text), 0)
                OR d.state::text = ANY(:held) AND d.attempts > 0
                OR d.state = best.state AND best.reason IS NOT NULL AND (best.doubt, best.reason COLLATE "C")
                   < (CASE WHEN d.reason = ANY(:guesses) THEN 2 WHEN d.reason = 'lost' THEN 1 ELSE 0 END,
                      d.reason COLLATE "C"))
        RETURNING d.id
    ), used AS (
        UPDATE receipts r SET applied_at = :now FROM fresh WHERE r.id = fresh.id RETURNING r.id
    )
    SELECT (SELECT count(*) FROM used) AS used, (SELECT count(*) FROM moved) AS moved,
           (SELECT coalesce(bool_or(blame = 'filter'), false) FROM fresh) AS filtered,
           array(SELECT best.delivery_id FROM best LEFT JOIN deliveries d ON d.id = best.delivery_id
                  WHERE d.id IS NULL OR d.state::text = ANY(:held) AND d.attempts = 0) AS strange
"""
_APPLY_THESE = _APPLY.replace(_FRESH, _THESE)
