"""Leases of batches: take, renew and give back, in a statement or two each.

Leases run on PostgreSQL's clock, the one clock that all hosts share.
"""

import time
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from notify.content.together import most_units
from notify.core.db import statements
from notify.core.states import LEAVING
from notify.models import Lane
from notify.models.states import AlertState

log = structlog.get_logger()

# How old a claim may be when its last message leaves (law 4).
CLAIM_S = 0.5
# Nothing is claimed later than this before its alert expires; Twilio keeps a message for 1 s or more.
LAST_S = CLAIM_S + 1.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A batch that this process holds for a while, with the fields that all its messages share."""

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
    digest: bool  # its residents' digest is due: others may go along (`digests`)
    leased_at: datetime  # on PostgreSQL's clock
    leased_s: float  # the same moment of `time.monotonic()`

    def now(self) -> datetime:
        """Return the time on PostgreSQL's clock: a host with a wrong clock must not expire an alert."""
        return self.leased_at + timedelta(seconds=time.monotonic() - self.leased_s)


def lease(batch_id: int, seconds: float) -> Lease | None:
    """Lease this batch if it is waiting and its alert is being sent, or was, before somebody joined; else return None
    (a doorbell that rang twice)."""
    return _lease(_ONE, {"batch": batch_id, "states": ["waiting"], "sending": sorted(LEAVING), "seconds": seconds})


def place_of(batch_id: int, state: str) -> tuple[Lane, str] | None:
    """Return the lane and channel of a batch if it is still in this state, else None."""
    with statements() as cursor:
        asked = "SELECT lane::text, channel FROM batches WHERE id = %s AND state = %s::batch_state"
        row = cursor.execute(asked, (batch_id, state)).fetchone()
    return None if row is None else (Lane(row[0]), row[1])


def lease_next(lane: Lane, channel: str, seconds: float) -> Lease | None:
    """Lease the batch of a lane and channel that should go next. Return None if none is waiting.

    Batches of the alert with the fewest busy workers go first, so that a small alert does not wait for a large one;
    among those, the oldest.
    """
    values = {"lane": lane.value, "channel": channel, "seconds": seconds, "last_s": LAST_S}
    return _lease(_NEXT, values)


def lease_unsettled(batch_id: int, seconds: float) -> Lease | None:
    """Lease a batch with unknown outcomes, to reconcile them. `recovery` decides when."""
    every = [state.value for state in AlertState]
    return _lease(_ONE, {"batch": batch_id, "states": ["unsettled"], "sending": every, "seconds": seconds})


def _lease(picked: str, values: dict[str, Any]) -> Lease | None:
    with statements() as cursor:
        row = cursor.execute(_LEASE.format(picked=f"{picked} SKIP LOCKED"), values).fetchone()
        if row is None:
            # `note_rung` may hold the lock for a moment, and no doorbell follows for this batch: wait for the lock.
            row = cursor.execute(_LEASE.format(picked=picked), values).fetchone()
    if row is None:
        return None
    batch_id, key, alert_id, channel, language, lane, *shared = row
    fields = [batch_id, key, alert_id, channel, language, Lane(lane), *shared, time.monotonic()]
    found = Lease(*fields)
    return replace(found, cost=max(found.cost, most_units(found.channel))) if found.digest else found


# If the sender of a batch was stopped since, any other may send it, unless the batch posts to that sender's timeline.
_LEASE = """
    WITH picked AS ({picked})
    UPDATE batches b SET state = 'leased', lease = gen_random_uuid(),
           lease_until = now() + make_interval(secs => %(seconds)s)
      FROM picked, alerts a, contents w
     WHERE b.id = picked.id AND a.id = b.alert_id
       AND (w.alert_id, w.channel, w.language, w.wording) = (b.alert_id, b.channel, b.language, b.wording)
    RETURNING b.id, b.lease, b.alert_id, b.channel, b.language, b.lane::text, b.size,
              (SELECT x.id FROM senders x WHERE x.id = b.sender_id AND (x.status = 'open' OR EXISTS (
                      SELECT FROM contacts c WHERE c.timeline_of = x.id))),
              a.topic::text, a.status, w.subject, w.text, w.html, w.cost, a.expires_at, b.digest, clock_timestamp()
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
       AND a.state IN ('sending', 'sent') AND coalesce(b.not_before, now()) <= now()
       AND a.expires_at > now() + make_interval(secs => %(last_s)s)
     ORDER BY coalesce(busy.workers, 0), b.id LIMIT 1
       FOR UPDATE OF b
"""


def renew(held: Lease, seconds: float) -> bool:
    """Extend a lease. Return False if it has been lost."""
    with statements() as cursor:
        renewed = cursor.execute(
            """UPDATE batches SET lease_until = now() + make_interval(secs => %(seconds)s)
                WHERE id = %(batch)s AND lease = %(key)s AND lease_until > now() RETURNING id""",
            {"batch": held.batch_id, "key": held.key, "seconds": seconds},
        ).fetchone()
    return renewed is not None


def finish(held: Lease, *, not_before_s: float = 0.0) -> None:
    """Give a batch back: as waiting if deliveries are queued, unsettled if outcomes are unknown, else done."""
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
