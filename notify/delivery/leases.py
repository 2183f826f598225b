"""What PostgreSQL knows of a batch that is being sent: its lease, its claims, its outcomes. A statement or two each.

Leases run on PostgreSQL's clock, the one clock that all hosts share.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import structlog

from notify.audience import rules
from notify.core import alarms, db
from notify.core.db import AWAY, statements
from notify.core.states import HELD_BACK, delivery_before
from notify.delivery import carrier_blocks, suppressions
from notify.delivery.outcomes import Outcome
from notify.models import Lane
from notify.models.states import AlertState, DeliveryState

log = structlog.get_logger()

CLAIM_S = 0.5  # how old a claim may be when its last message leaves (law 4)
LAST_S = (
    CLAIM_S + 1.0
)  # nothing is claimed later than this before its alert expires; Twilio keeps a message for 1 s or more

BEFORE = {state: delivery_before(state) for state in DeliveryState}
# Whoever was so slow that the message was given up for lost, and waits to be sent again: now it is known to be out.
BEFORE[DeliveryState.ACCEPTED] += [state.value for state in HELD_BACK]


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
    status: str
    subject: str
    text: str
    html: str
    cost: int
    expires_at: datetime
    leased_at: datetime  # on PostgreSQL's clock
    leased_s: float  # the same moment of `time.monotonic()`

    def now(self) -> datetime:
        """PostgreSQL's clock, which all hosts share: one whose own is wrong must not decide what is over."""
        return self.leased_at + timedelta(seconds=time.monotonic() - self.leased_s)


class Claimed(NamedTuple):
    """One delivery that is ours to send, or to ask for."""

    delivery_id: int
    contact_id: int
    address_sealed: bytes
    attempts: int
    claimed_at: datetime
    sender_id: int


def lease(batch_id: int, seconds: float) -> Lease | None:
    """Take this batch, if it waits and its alert is being sent; None otherwise (a doorbell that rang twice)."""
    return _lease(_ONE, {"batch": batch_id, "states": ["waiting"], "sending": ["sending"], "seconds": seconds})


def place_of(batch_id: int, state: str) -> tuple[Lane, str] | None:
    """The lane and channel of a batch that still is in this state."""
    with statements() as cursor:
        asked = "SELECT lane::text, channel FROM batches WHERE id = %s AND state = %s::batch_state"
        row = cursor.execute(asked, (batch_id, state)).fetchone()
    return None if row is None else (Lane(row[0]), row[1])


def lease_next(lane: Lane, channel: str, seconds: float) -> Lease | None:
    """Take the batch of a lane and channel that should go next; None when none waits.

    Of several alerts it is one of that which the fewest workers are busy with, so that a small alert does not wait
    until a large one is done; then the oldest.
    """
    values = {"lane": lane.value, "channel": channel, "seconds": seconds, "last_s": LAST_S}
    return _lease(_NEXT, values)


def lease_unsettled(batch_id: int, seconds: float) -> Lease | None:
    """Take a batch whose outcomes are unknown, to ask the provider about them. When to, `settling` knows."""
    every = [state.value for state in AlertState]
    return _lease(_ONE, {"batch": batch_id, "states": ["unsettled"], "sending": every, "seconds": seconds})


def _lease(picked: str, values: dict[str, Any]) -> Lease | None:
    with statements() as cursor:
        row = cursor.execute(_LEASE.format(picked=f"{picked} SKIP LOCKED"), values).fetchone()
        if row is None:
            # One that is locked may only be noted as rung, and nobody rings for it again: wait for whoever has it.
            row = cursor.execute(_LEASE.format(picked=picked), values).fetchone()
    if row is None:
        return None
    batch_id, key, alert_id, channel, language, lane, *shared = row
    fields = [batch_id, key, alert_id, channel, language, Lane(lane), *shared, time.monotonic()]
    return Lease(*fields)


# What waits for a sender that was stopped since may go by any other one; a timeline is the sender's own.
_LEASE = """
    WITH picked AS ({picked})
    UPDATE batches b SET state = 'leased', lease = gen_random_uuid(),
           lease_until = now() + make_interval(secs => %(seconds)s)
      FROM picked, alerts a, contents w
     WHERE b.id = picked.id AND a.id = b.alert_id
       AND (w.alert_id, w.channel, w.language) = (b.alert_id, b.channel, b.language)
    RETURNING b.id, b.lease, b.alert_id, b.channel, b.language, b.lane::text, b.size,
              (SELECT x.id FROM senders x WHERE x.id = b.sender_id AND (x.status = 'open' OR EXISTS (
                      SELECT FROM contacts c WHERE c.timeline_of = x.id))),
              a.topic::text, a.status, w.subject, w.text, w.html, w.cost, a.expires_at, clock_timestamp()
"""

_ONE = """
    SELECT b.id FROM batches b JOIN alerts a ON a.id = b.alert_id
     WHERE b.id = %(batch)s AND b.state = ANY(%(states)s::batch_state[]) AND a.state = ANY(%(sending)s::alert_state[])
       AND (b.state = 'unsettled' OR coalesce(b.not_before, now()) <= now())
       FOR UPDATE OF b
"""

_NEXT = """
    SELECT b.id FROM batches b JOIN alerts a ON a.id = b.alert_id
      LEFT JOIN (SELECT alert_id, count(*) AS workers FROM batches
                  WHERE state = 'leased' AND channel = %(channel)s GROUP BY alert_id) busy ON busy.alert_id = a.id
     WHERE b.state = 'waiting' AND b.channel = %(channel)s AND b.lane = %(lane)s::lane
       AND a.state = 'sending' AND coalesce(b.not_before, now()) <= now()
       AND a.expires_at > now() + make_interval(secs => %(last_s)s)
     ORDER BY coalesce(busy.workers, 0), b.id LIMIT 1
       FOR UPDATE OF b
"""


def renew(held: Lease, seconds: float) -> bool:
    """Hold a batch for longer; False when it is not ours any more."""
    with statements() as cursor:
        renewed = cursor.execute(
            """UPDATE batches SET lease_until = now() + make_interval(secs => %(seconds)s)
                WHERE id = %(batch)s AND lease = %(key)s AND lease_until > now() RETURNING id""",
            {"batch": held.batch_id, "key": held.key, "seconds": seconds},
        ).fetchone()
    return renewed is not None


def claim(
    held: Lease,
    sender_id: int,
    most: int,
    now: datetime,
    after: int = 0,
    *,
    blocks: bool = True,
    without: list[int] | None = None,
) -> list[Claimed] | None:
    """Take up to `most` queued deliveries for sending, in the order of their ids; None when nothing is left to take.

    Those whose resident has opted out, left the topic or muted it since the launch are skipped, in the same
    statement. Those that the carrier keeps from this sender are passed on to another one. Nothing is claimed of a
    paused or cancelled alert, nor of one that expires within LAST_S, nor under a lease that has run out.
    `after`: the last one that was claimed, so that those which came back are tried again only after all others.
    `blocks`: whether the carrier keeps anything from this sender; without, a claim costs less.
    `without`: deliveries to leave alone; one that cannot be passed on is added to them.
    """
    values: dict[str, Any] = {
        "batch": held.batch_id,
        "key": held.key,
        "sender": sender_id,
        "most": most,
        "now": now,
        "after": after,
    }
    values["last"] = now + timedelta(seconds=LAST_S)
    statement = _CLAIM_BLOCKED if blocks else _CLAIM
    if without:
        statement, values["without"] = statement.replace(_QUEUED, f"{_QUEUED} {_WITHOUT}"), list(without)
    with statements() as cursor:
        rows = cursor.execute(statement, values).fetchall()
        blocked = [row[0] for row in rows if row[2] == carrier_blocks.REASON]
        if blocked:
            _pass_on(cursor, held, blocked, now, without)
    if not rows:
        return claim(held, sender_id, most, now, blocks=blocks, without=without) if after else None
    return [
        Claimed(delivery_id, contact_id, sealed, attempts, now, sender_id)
        for delivery_id, contact_id, reason, attempts, sealed in rows
        if reason is None
    ]


def _pass_on(
    cursor: "psycopg.Cursor[Any]", held: Lease, blocked: Sequence[int], now: datetime, kept: list[int] | None
) -> None:
    """Whatever becomes of these, the others of their window are claimed and must be posted."""

    def work(some: Sequence[int]) -> None:
        carrier_blocks.pass_on(cursor, held.batch_id, held.key, some, now)

    def refused(one: int, why: Exception) -> None:
        if kept is not None:
            kept.append(one)
        alarms.refused_row(f"pass delivery {one} on to another sender", why, held.now(), alert_id=held.alert_id)

    try:
        db.in_halves(blocked, work, refused)
    except AWAY as error:  # they are still queued here, and passed on when they are claimed again
        log.warning("database.away", error=db.reason(error))


def claim_apart(
    held: Lease, sender_id: int, most: int, now: datetime, after: int, refused: list[int], *, blocks: bool
) -> list[Claimed] | None:
    """`claim`; a delivery that PostgreSQL refuses to claim keeps none of the others (law 15).

    An alarm rings for it, and it is added to `refused`, whose deliveries are left alone.
    """
    while True:
        try:
            return claim(held, sender_id, most, now, after, blocks=blocks, without=refused)
        except AWAY:
            raise
        except psycopg.Error as error:
            if most == 1:
                _leave_alone(held, after, refused, error)
            most = max(1, most // 2)


def _leave_alone(held: Lease, after: int, refused: list[int], error: psycopg.Error) -> None:
    """The delivery that a claim of one would have taken. Raises the error when there is none."""
    with statements() as cursor:
        found = cursor.execute(
            f"""SELECT d.id FROM deliveries d WHERE d.batch_id = %(batch)s AND {_QUEUED} {_WITHOUT}
                 ORDER BY d.id <= %(after)s, d.id LIMIT 1""",
            {"batch": held.batch_id, "after": after, "without": refused},
        ).fetchone()
    if found is None:
        raise error
    refused.append(found[0])
    alarms.refused_row(f"claim delivery {found[0]}", error, held.now(), alert_id=held.alert_id)


_QUEUED, _WITHOUT = "d.state = 'queued'", "AND d.id <> ALL(%(without)s)"


# The batch is ours alone, so its rows are not locked before they are written; what a cancel or a receipt has moved in
# the same moment is left alone, because the UPDATE looks at the state again.
_CLAIM = f"""
    WITH leased AS (
        SELECT b.id AS batch_id, a.topic FROM batches b JOIN alerts a ON a.id = b.alert_id
         WHERE b.id = %(batch)s AND b.lease = %(key)s AND b.lease_until > now()
           AND a.state = 'sending' AND a.expires_at > %(last)s
    ), picked AS MATERIALIZED (
        SELECT d.id, d.contact_id, leased.topic FROM leased JOIN deliveries d USING (batch_id)
         WHERE d.id > %(after)s AND d.state = 'queued' ORDER BY d.id LIMIT %(most)s
    ), judged AS (
        SELECT picked.id, c.address_sealed, {rules.reason("%(now)s")} AS reason
          FROM picked
          JOIN contacts c ON c.id = picked.contact_id
          {rules.facts("picked.topic")}
    )
    UPDATE deliveries d
       SET state = (CASE WHEN judged.reason IS NULL THEN 'sending' WHEN judged.reason = 'carrier-block' THEN 'queued'
                         ELSE 'skipped' END)::delivery_state,
           reason = judged.reason, sender_id = %(sender)s, claimed_at = %(now)s, settled_at = %(now)s,
           attempts = d.attempts + CASE WHEN judged.reason IS NULL THEN 1 ELSE 0 END
      FROM judged WHERE d.id = judged.id AND d.state = 'queued'
    RETURNING d.id, d.contact_id, judged.reason, d.attempts, judged.address_sealed
"""
_BLOCKED = """EXISTS (SELECT FROM carrier_blocks k
                        WHERE (k.sender_id, k.address_index) = (%(sender)s, c.address_index) AND k.lifted_at IS NULL)"""
_CLAIM_BLOCKED = _CLAIM.replace(rules.reason("%(now)s"), rules.reason("%(now)s", carrier_block=_BLOCKED))


def record(outcomes: Sequence[Outcome], claimed_at: datetime, now: datetime) -> None:
    """Write what became of the deliveries of one claim, and suppress the addresses that must not be written to again.

    What the carrier keeps from this sender alone goes back to the queue, for another sender.
    A delivery that moved on in the meantime (its receipt was quicker than the answer) stays where it is; only its
    reference and time are filled in. So does one that was claimed anew: whoever was overtaken knows that the provider
    took it, or knows nothing; nothing of a try that the carrier is known to have refused. May be done twice.
    """
    told = [o for o in outcomes if o.suppress]
    with statements() as cursor:
        blocked: set[int] = set()
        if told:
            ids, reasons = [o.delivery_id for o in told], [o.suppress for o in told]
            blocked = suppressions.suppress(cursor, ids, reasons, now, claimed_at)
        alike: dict[tuple[DeliveryState, str | None, bool], list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            if outcome.delivery_id in blocked:
                alike[DeliveryState.QUEUED, carrier_blocks.REASON, False].append(outcome)
            else:
                alike[outcome.to, outcome.reason, outcome.counts].append(outcome)
        for (to, reason, counts), group in alike.items():
            values = {"now": now, "to": to.value, "from": BEFORE[to], "reason": reason, "uncounted": int(not counts)}
            values |= {"certain": to is DeliveryState.ACCEPTED, "claimed": claimed_at}
            cursor.execute(_RECORD, values | _columns(group))


def record_apart(held: Lease, outcomes: Sequence[Outcome], claimed_at: datetime, patience_s: float = 0.0) -> None:
    """`record`, for so long as PostgreSQL is away; one that it refuses keeps none of the others (law 15).

    That one stays unknown, an alarm rings, and the provider is asked about it.
    """

    def refused(one: Outcome, why: Exception) -> None:
        what = f"record that delivery {one.delivery_id} is {one.to.value}"
        alarms.refused_row(what, why, held.now(), alert_id=held.alert_id)

    def work(some: Sequence[Outcome]) -> None:
        db.persistently(lambda: record(some, claimed_at, held.now()), patience_s)

    db.in_halves(outcomes, work, refused)


def _columns(group: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "ids": [o.delivery_id for o in group],
        "refs": [o.reference for o in group],
        "sent": [o.sent_at.timestamp() if o.sent_at else None for o in group],
    }


_RECORD = """
    UPDATE deliveries d
       SET state = CASE WHEN moves THEN %(to)s ELSE d.state END,
           reason = CASE WHEN moves THEN %(reason)s ELSE d.reason END,
           settled_at = CASE WHEN moves THEN %(now)s ELSE d.settled_at END,
           reference = coalesce(o.reference, d.reference),
           sent_at = coalesce(to_timestamp(o.sent_s), d.sent_at),
           attempts = d.attempts - CASE WHEN moves THEN %(uncounted)s ELSE 0 END
      FROM unnest(%(ids)s::bigint[], %(refs)s::text[], %(sent)s::float8[]) AS o (id, reference, sent_s)
     WHERE d.id = o.id AND (d.state = 'sending' AND d.claimed_at = %(claimed)s OR NOT EXISTS (
               SELECT FROM carrier_refusals x
                WHERE (x.delivery_id, x.reference) = (o.id, o.reference) AND x.settled_at IS NOT NULL))
""".replace(
    "moves", "d.state = ANY(%(from)s::delivery_state[]) AND (%(certain)s OR d.claimed_at = %(claimed)s)"
).replace("%(to)s", "%(to)s::delivery_state")


def finish(held: Lease, *, not_before_s: float = 0.0) -> None:
    """Give a batch back: done, or waiting again, or unsettled while outcomes are unknown."""
    with statements() as cursor:
        cursor.execute(_FINISH, {"batch": held.batch_id, "key": held.key, "pause": not_before_s})


_FINISH = """
    UPDATE batches b SET lease = NULL, lease_until = NULL, rung_at = NULL,
           not_before = now() + make_interval(secs => %(pause)s),
           state = (CASE WHEN left_over.queued THEN 'waiting' WHEN left_over.unknown THEN 'unsettled'
                         ELSE 'done' END)::batch_state
      FROM (SELECT coalesce(bool_or(state = 'queued'), false) AS queued,
                   coalesce(bool_or(state IN ('unknown', 'sending')), false) AS unknown
              FROM deliveries WHERE batch_id = %(batch)s) AS left_over
     WHERE b.id = %(batch)s AND b.lease = %(key)s
"""
