"""Recover expired leases, lost doorbells and unsettled batches; close alerts that have ended.

Every function here is safe to run at any time, repeatedly and in several processes. None of them relies on Redis.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import exists, select, text
from sqlalchemy.orm import Session

from notify.core import alarms, db, states
from notify.core.db import transaction
from notify.delivery import exercise
from notify.models import Alert, Batch, CarrierRefusal, Delivery, Lane
from notify.models.states import AlertState, BatchState, DeliveryState

log = structlog.get_logger()

SILENT_S = 5.0  # in an idle lane, doorbells are rung again when none of a channel was rung for this long
AGAIN_MOST = 32  # ... for at most this many batches of a channel: a woken worker goes on to the others
END_AT_ONCE = 20  # batches of cancelled or expired alerts in one transaction


@dataclass(frozen=True, slots=True)
class Doorbell:
    """A batch or alert that needs a worker."""

    id: int
    lane: Lane


def take_back_expired_leases() -> int:
    """Take back batches whose worker is gone, and return how many: claimed deliveries become unknown, the rest wait."""
    with transaction() as s:
        gone = s.scalars(text("SELECT id FROM batches WHERE state = 'leased' AND lease_until < now()")).all()
    return sum(db.in_halves(gone, _take_back, lambda batch, why: _refused("take back", batch, why)))


def _take_back(these: Sequence[int]) -> int:
    with transaction() as s:
        batches = s.scalars(
            text("""SELECT id FROM batches WHERE id = ANY(:these) AND state = 'leased' AND lease_until < now()
                       FOR UPDATE SKIP LOCKED"""),
            {"these": list(these)},
        ).all()
        _move(s, batches, DeliveryState.UNKNOWN, "worker-lost", s.execute(text("SELECT now()")).scalar_one())
        s.execute(
            text("""UPDATE batches SET state = 'waiting', lease = NULL, lease_until = NULL, rung_at = NULL
                     WHERE id = ANY(:batches)"""),
            {"batches": list(batches)},
        )
    for batch in batches:
        log.warning("batch.lease_expired", batch=batch)
    return len(batches)


def end_exercise(batch_id: int, alert_id: int, status: str, now: datetime) -> None:
    """Skip the queued deliveries of a leased exercise batch: only a real provider could carry them (law 14)."""
    with transaction() as s:
        _move(s, [batch_id], DeliveryState.SKIPPED, exercise.REASON, now)
        message = (
            f"The rest of alert {alert_id} is not sent: its status is {status}, and the senders write to real people."
        )
        alarms.sound(s, alarms.EXERCISE_BARRED, f"{message} {exercise.HINT}", now, alert_id=alert_id)


def _move(s: Session, batches: Sequence[int], to: DeliveryState, reason: str, now: datetime) -> None:
    """Move those deliveries of batches that may become `to`. One that PostgreSQL refuses stays, and raises an alarm."""

    def work(some: Sequence[int]) -> None:
        s.execute(
            text("""UPDATE deliveries SET state = CAST(:to AS delivery_state), reason = :reason, settled_at = :now
                     WHERE id = ANY(:some) AND state = ANY(CAST(:before AS delivery_state[]))"""),
            {"some": list(some), "to": to.value, "reason": reason, "now": now, "before": before},
        )

    def refused(one: int, why: Exception) -> None:
        alert = s.execute(text("SELECT alert_id FROM deliveries WHERE id = :id"), {"id": one}).scalar_one()
        alarms.refused_row(f"set delivery {one} of alert {alert} to {to.value}", why, now, alert_id=alert)

    before = states.delivery_before(to)
    found = s.scalars(
        text("""SELECT id FROM deliveries WHERE batch_id = ANY(:batches)
                   AND state = ANY(CAST(:before AS delivery_state[])) ORDER BY id"""),
        {"batches": list(batches), "before": before},
    ).all()
    db.in_halves(found, work, refused, s.begin_nested)


def _refused(what: str, batch: int, why: Exception) -> None:
    with transaction() as s:
        alert, now = s.execute(text("SELECT alert_id, now() FROM batches WHERE id = :id"), {"id": batch}).one()
    alarms.refused_row(f"{what} batch {batch} of alert {alert}", why, now, alert_id=alert)


def unrung_batches(*, wiped: bool, idle: Collection[Lane]) -> list[Doorbell]:
    """Return waiting batches whose doorbell must be rung (again): of alerts in `sending`, or `sent` before somebody
    joined.

    `wiped`: Redis lost its data, and every doorbell with it. `idle`: lanes whose queue is empty. Batches that still
    wait in such a lane may have lost their doorbells with a worker, so a few of each channel are rung again.
    """
    return _unrung("a.state IN ('sending', 'sent') AND b.state = 'waiting'", wiped, idle)


def unsettled_batches(older_than_s: float, *, wiped: bool, idle: Collection[Lane]) -> list[Doorbell]:
    """`unrung_batches` for unsettled ones, with outcomes unknown for so long that the provider should know them."""
    return _unrung(f"b.state = 'unsettled' AND (b.rung_at IS NOT NULL OR {_OLD})", wiped, idle, old=older_than_s)


def next_unsettled(lane: Lane, channel: str, older_than_s: float) -> int | None:
    """Return the unsettled batch that has been due longest and was last claimed `older_than_s` ago, or None."""
    with transaction() as s:
        batch: int | None = s.execute(
            text(f"""
                SELECT b.id FROM batches b
                 WHERE b.state = 'unsettled' AND b.lane = CAST(:lane AS lane) AND b.channel = :channel
                   AND coalesce(b.not_before, now()) <= now() AND {_OLD}
                 ORDER BY b.not_before NULLS FIRST, b.id LIMIT 1 FOR UPDATE SKIP LOCKED"""),
            {"lane": lane.value, "channel": channel, "old": older_than_s},
        ).scalar()
    return batch


_OLD = """NOT EXISTS (SELECT FROM deliveries d WHERE d.batch_id = b.id
                         AND d.claimed_at > now() - make_interval(secs => :old))"""


def _unrung(which: str, wiped: bool, idle: Collection[Lane], **values: float) -> list[Doorbell]:
    with transaction() as s:
        rows = s.execute(
            text(f"""
                SELECT id, lane FROM (
                    SELECT b.id, b.lane, b.rung_at, row_number() OVER alike AS place, max(b.rung_at) OVER alike AS last
                      FROM batches b JOIN alerts a ON a.id = b.alert_id
                     WHERE {which} AND coalesce(b.not_before, now()) <= now()
                    WINDOW alike AS (PARTITION BY b.lane, b.channel ORDER BY b.id
                                     ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS waiting
                 WHERE rung_at IS NULL OR :wiped
                    OR last < now() - make_interval(secs => :silent) AND place <= :some
                       AND lane = ANY(CAST(:idle AS lane[]))
                 ORDER BY id"""),
            {"wiped": wiped, "idle": [lane.value for lane in idle], "silent": SILENT_S, "some": AGAIN_MOST, **values},
        ).all()
    return [Doorbell(row.id, Lane(row.lane)) for row in rows]


def note_rung(batch_ids: Sequence[int]) -> None:
    """Record that the doorbells of these batches are in Redis."""
    with transaction() as s:
        s.execute(
            text("UPDATE batches SET rung_at = now() WHERE id = ANY(:ids) AND state IN ('waiting', 'unsettled')"),
            {"ids": list(batch_ids)},
        )


def unresolved_alerts(now: datetime) -> list[Doorbell]:
    """Return launched alerts whose audience is not resolved: the resolver died, or its doorbell was lost."""
    with transaction() as s:
        rows = s.execute(
            text("""SELECT id, lane FROM alerts
                     WHERE state = 'sending' AND fanout_done_at IS NULL AND launched_at < :before ORDER BY id"""),
            {"before": now - timedelta(seconds=2)},
        ).all()
    return [Doorbell(row.id, Lane(row.lane)) for row in rows]


def end_leftovers(now: datetime) -> None:
    """End the queued and held deliveries of cancelled and expired alerts, including those that came back since.

    The alert's state is committed earlier and stops all claims. Closing a million deliveries takes too long for the
    operator who pressed cancel to wait for.
    """
    through = 0  # a batch that is refused is not tried again until the next run
    while some := _ended_after(through, now):
        through = some[-1]
        db.in_halves(some, lambda these: _end(these, now), lambda batch, why: _refused("end", batch, why))


# How the alert of a batch has ended. One that was sent may wait for who joined later: until it expires, or others have
# the last word in all of its area.
_ENDED = """
      JOIN LATERAL (SELECT CASE WHEN a.state IN ('cancelled', 'expired') THEN a.state::text
                                WHEN a.state = 'sent' AND a.expires_at <= :now THEN 'expired'
                                WHEN a.state = 'sent' AND EXISTS (SELECT FROM standings t WHERE t.alert_id = a.id
                                                                     AND t.left_area IS NULL) THEN 'cancelled'
                           END AS how) AS ended ON ended.how IS NOT NULL
"""


def _ended_after(last: int, now: datetime) -> Sequence[int]:
    with transaction() as s:
        return s.scalars(
            text(f"""SELECT b.id FROM batches b JOIN alerts a ON a.id = b.alert_id {_ENDED}
                      WHERE b.state IN ('waiting', 'held') AND b.id > :last ORDER BY b.id LIMIT :some"""),
            {"last": last, "some": END_AT_ONCE, "now": now},
        ).all()


def _end(these: Sequence[int], now: datetime) -> None:
    """End the queued and held deliveries of a few batches in one transaction. Claimed ones are not touched."""
    with transaction() as s:
        rows = s.execute(
            text(f"""SELECT b.id, ended.how FROM batches b JOIN alerts a ON a.id = b.alert_id {_ENDED}
                      WHERE b.id = ANY(:these) AND b.state IN ('waiting', 'held')
                      ORDER BY b.id FOR UPDATE OF b SKIP LOCKED"""),
            {"these": list(these), "now": now},
        ).all()
        for ended in {row.how for row in rows}:
            batches = [row.id for row in rows if row.how == ended]
            _move(s, batches, DeliveryState(ended), ended, now)
            s.execute(text(_END), {"batches": batches})


_END = """
    UPDATE batches b
       SET rung_at = NULL,
           state = CASE WHEN EXISTS (SELECT FROM deliveries d WHERE d.batch_id = b.id
                                            AND d.state IN ('sending', 'unknown'))
                        THEN CAST('unsettled' AS batch_state) ELSE 'done' END
     WHERE id = ANY(:batches)
"""


# Refused by a carrier: another sender may still have to try (`carrier_blocks.settle_refusals`).
_refusals_open = exists().where(
    CarrierRefusal.settled_at.is_(None), Delivery.id == CarrierRefusal.delivery_id, Delivery.alert_id == Alert.id
)


def finish_alerts(now: datetime) -> list[int]:
    """Move alerts without open deliveries to `sent`; return their ids. One that fails is set aside with an alarm."""
    with transaction() as s:
        done = s.scalars(
            select(Alert.id)
            .where(
                Alert.state == AlertState.SENDING,
                Alert.fanout_done_at.is_not(None),
                ~exists().where(Batch.alert_id == Alert.id, Batch.state != BatchState.DONE),
                ~_refusals_open,
                ~alarms.set_aside(alarms.FINISH_FAILED, now),
            )
            .with_for_update(skip_locked=True, key_share=True)
        ).all()
        return [one for one in done if alarms.apart(s, one, alarms.FINISH_FAILED, now, _finish)]


def _finish(s: Session, alert_id: int, now: datetime) -> int:
    states.move_alert(s, alert_id, AlertState.SENT, now=now, by=None, action="finish", finished_at=now)
    return alert_id
