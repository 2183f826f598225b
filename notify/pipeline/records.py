"""What PostgreSQL knows of a batch that is being sent: its lease, its claims, its outcomes. A statement or two each.

Leases run on PostgreSQL's clock, the one clock that all hosts share.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from notify.db import transaction
from notify.lifecycle import DELIVERY
from notify.models import Lane
from notify.pipeline.verdicts import Outcome

# "sending>accepted": the moves that lifecycle.py allows, for the WHERE of set-based UPDATEs.
MOVES = [f"{a.value}>{b.value}" for a, after in DELIVERY.items() for b in after]


@dataclass(frozen=True, slots=True)
class Lease:
    """A batch that is ours for a while, and what all its messages share."""

    batch_id: int
    key: uuid.UUID
    alert_id: int
    channel: str
    language: str
    lane: Lane
    size: int
    only_sender: int | None
    topic: str
    subject: str
    text: str
    html: str
    cost: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery that is ours to send, or to ask for."""

    delivery_id: int
    contact_id: int
    address_sealed: bytes
    attempts: int
    claimed_at: datetime
    sender_id: int


_LEASED = """
    b.id AS batch_id, b.lease AS key, b.alert_id, b.channel, b.language, b.lane, b.size, b.sender_id AS only_sender,
    a.topic, w.subject, w.text, w.html, w.cost, a.expires_at
"""


def lease(batch_id: int, seconds: float) -> Lease | None:
    """Take a waiting batch of an alert that is being sent; None when there is none (a doorbell that rang twice)."""
    return _lease(
        batch_id, seconds, "b.state = 'waiting' AND a.state = 'sending' AND coalesce(b.not_before, now()) <= now()"
    )


def lease_unsettled(batch_id: int, seconds: float) -> Lease | None:
    """Take a batch whose outcomes are unknown, to ask the provider about them."""
    return _lease(batch_id, seconds, "b.state = 'unsettled'")


def _lease(batch_id: int, seconds: float, condition: str) -> Lease | None:
    with transaction() as s:
        row = s.execute(
            text(f"""
                UPDATE batches b SET state = 'leased', lease = gen_random_uuid(),
                       lease_until = now() + make_interval(secs => :seconds)
                  FROM alerts a, contents w
                 WHERE b.id = :batch AND a.id = b.alert_id
                   AND (w.alert_id, w.channel, w.language) = (b.alert_id, b.channel, b.language) AND {condition}
                RETURNING {_LEASED}"""),
            {"batch": batch_id, "seconds": seconds},
        ).one_or_none()
    return None if row is None else Lease(**row._asdict() | {"lane": Lane(row.lane)})


def renew(held: Lease, seconds: float) -> bool:
    """Hold a batch for longer; False when it is not ours any more."""
    with transaction() as s:
        renewed = s.execute(
            text("""UPDATE batches SET lease_until = now() + make_interval(secs => :seconds)
                     WHERE id = :batch AND lease = :key AND lease_until > now() RETURNING id"""),
            {"batch": held.batch_id, "key": held.key, "seconds": seconds},
        ).first()
    return renewed is not None


def claim(held: Lease, sender_id: int, most: int, now: datetime) -> list[Claimed] | None:
    """Take up to `most` queued deliveries for sending; None when nothing is left to take.

    Those whose resident has opted out, left the topic or muted it since the launch are skipped, in the same
    statement. Nothing is claimed of a paused, cancelled or expired alert, nor under a lease that has run out.
    Deliveries that were never tried come first.
    """
    with transaction() as s:
        rows = s.execute(text(_CLAIM), {"batch": held.batch_id, "key": held.key, "sender": sender_id, "most": most,
                                        "now": now}).all()  # fmt: skip
    if not rows:
        return None
    return [
        Claimed(row.id, row.contact_id, bytes(row.address_sealed), row.attempts, now, sender_id)
        for row in rows
        if row.state == "sending"
    ]


_CLAIM = """
    WITH leased AS (
        SELECT b.id AS batch_id, a.topic FROM batches b JOIN alerts a ON a.id = b.alert_id
         WHERE b.id = :batch AND b.lease = :key AND b.lease_until > now()
           AND a.state = 'sending' AND a.expires_at > :now
    ), picked AS (
        SELECT d.id, leased.topic FROM leased JOIN deliveries d USING (batch_id)
         WHERE d.state = 'queued' ORDER BY d.attempts, d.id LIMIT :most FOR UPDATE OF d SKIP LOCKED
    ), judged AS (
        SELECT picked.id, c.address_sealed,
               CASE WHEN x.reason IS NOT NULL THEN x.reason
                    WHEN c.address_sealed IS NULL THEN 'erased'
                    WHEN c.verified_at IS NULL THEN 'unverified'
                    WHEN c.timeline_of IS NOT NULL THEN NULL
                    WHEN p.topic IS NULL THEN 'not-subscribed'
                    WHEN p.muted_until > :now THEN 'muted'
               END AS reason
          FROM picked
          JOIN deliveries d ON d.id = picked.id
          JOIN contacts c ON c.id = d.contact_id
          LEFT JOIN preferences p ON p.subscriber_id = c.subscriber_id AND p.topic = picked.topic
          LEFT JOIN LATERAL (
               SELECT min(s.reason) AS reason FROM suppressions s
                WHERE s.channel = c.channel AND s.address_index = c.address_index
                  AND (s.topic IS NULL OR s.topic = picked.topic)) x ON true
    )
    UPDATE deliveries d
       SET state = CAST(CASE WHEN judged.reason IS NULL THEN 'sending' ELSE 'skipped' END AS delivery_state),
           reason = judged.reason, sender_id = :sender, claimed_at = :now, settled_at = :now,
           attempts = d.attempts + CASE WHEN judged.reason IS NULL THEN 1 ELSE 0 END
      FROM judged WHERE d.id = judged.id
    RETURNING d.id, d.contact_id, d.state::text, d.attempts, judged.address_sealed
"""


def record(outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write what became of a window, and suppress the addresses that must not be written to again.

    A delivery that moved on in the meantime (its receipt was quicker than the answer) stays where it is; only its
    reference and time are filled in.
    """
    values = {
        "now": now,
        "moves": MOVES,
        "ids": [o.delivery_id for o in outcomes],
        "states": [o.to.value for o in outcomes],
        "reasons": [o.reason for o in outcomes],
        "refs": [o.reference for o in outcomes],
        "sent": [o.sent_at for o in outcomes],
        "uncounted": [0 if o.counts else 1 for o in outcomes],
    }
    with transaction() as s:
        s.execute(text(_RECORD), values)
        barred = [o for o in outcomes if o.suppress]
        if barred:
            s.execute(
                text("""
                    INSERT INTO suppressions (channel, address_index, reason, at)
                    SELECT c.channel, c.address_index, o.reason, :now
                      FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS o (id, reason)
                      JOIN deliveries d USING (id) JOIN contacts c ON c.id = d.contact_id
                     WHERE c.timeline_of IS NULL
                    ON CONFLICT DO NOTHING"""),
                {"now": now, "ids": [o.delivery_id for o in barred], "reasons": [o.suppress for o in barred]},
            )


_RECORD = """
    UPDATE deliveries d
       SET state = CASE WHEN d.state || '>' || o.state = ANY(:moves) THEN CAST(o.state AS delivery_state)
                        ELSE d.state END,
           reason = CASE WHEN d.state || '>' || o.state = ANY(:moves) THEN o.reason ELSE d.reason END,
           settled_at = CASE WHEN d.state || '>' || o.state = ANY(:moves) THEN CAST(:now AS timestamptz)
                             ELSE d.settled_at END,
           reference = coalesce(o.reference, d.reference),
           sent_at = coalesce(o.sent_at, d.sent_at),
           attempts = d.attempts - o.uncounted
      FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[]), CAST(:refs AS text[]),
                  CAST(:sent AS timestamptz[]), CAST(:uncounted AS integer[]))
           AS o (id, state, reason, reference, sent_at, uncounted)
     WHERE d.id = o.id
"""


def finish(held: Lease, *, not_before_s: float = 0.0) -> None:
    """Give a batch back: done, or waiting again, or unsettled while outcomes are unknown."""
    with transaction() as s:
        s.execute(
            text("""
                UPDATE batches b SET lease = NULL, lease_until = NULL, rung_at = NULL,
                       not_before = now() + make_interval(secs => :pause),
                       state = CAST(CASE WHEN left_over.queued THEN 'waiting' WHEN left_over.unknown THEN 'unsettled'
                                         ELSE 'done' END AS batch_state)
                  FROM (SELECT coalesce(bool_or(state = 'queued'), false) AS queued,
                               coalesce(bool_or(state IN ('unknown', 'sending')), false) AS unknown
                          FROM deliveries WHERE batch_id = :batch) AS left_over
                 WHERE b.id = :batch AND b.lease = :key"""),
            {"batch": held.batch_id, "key": held.key, "pause": not_before_s},
        )
