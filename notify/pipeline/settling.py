"""What is left over: expired leases, lost doorbells, unknown outcomes, ended and finished alerts.

Every function here may run at any time, several times and in several processes; none of them trusts Redis.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import lifecycle
from notify.channels.contract import Accepted, Recall, SendError
from notify.db import transaction
from notify.models import Lane
from notify.models.states import AlertState, DeliveryState
from notify.pipeline import damage, records, sending
from notify.pipeline.records import Claimed, Lease
from notify.pipeline.transport import Transport
from notify.pipeline.verdicts import Outcome
from notify.settings import Settings

log = structlog.get_logger()

SILENT_S = 5.0  # a doorbell of an idle lane that nobody answered for this long is rung again
SENT_AGAIN = "sent-again"
REPEATS_S = 3000.0  # a repeated request is recognised for an hour (Mastodon's Idempotency-Key), and may wait its turn
END_AT_ONCE = 20  # batches, when an alert was cancelled
AGAIN_MOST = 32  # ... for so many batches of a channel: who is woken goes on with the others


@dataclass(frozen=True, slots=True)
class Doorbell:
    """Something that a worker should be told of."""

    id: int
    lane: Lane


def take_back_expired_leases() -> int:
    """Batches whose worker is gone: what it had claimed is unknown now, the rest waits again."""
    with transaction() as s:
        batches = s.scalars(
            text("""
                WITH gone AS (
                    SELECT id FROM batches WHERE state = 'leased' AND lease_until < now() FOR UPDATE SKIP LOCKED
                ), lost AS (
                    UPDATE deliveries d SET state = 'unknown', reason = 'worker-lost', settled_at = now()
                      FROM gone WHERE d.batch_id = gone.id AND d.state = ANY(CAST(:before AS delivery_state[]))
                       AND d.state = 'sending'
                    RETURNING d.id
                )
                UPDATE batches b SET state = 'waiting', lease = NULL, lease_until = NULL, rung_at = NULL
                  FROM gone WHERE b.id = gone.id RETURNING b.id"""),
            {"before": lifecycle.delivery_before(DeliveryState.UNKNOWN)},
        ).all()
    for batch in batches:
        log.warning("batch.lease_expired", batch=batch)
    return len(batches)


def unrung_batches(*, wiped: bool, idle: Collection[Lane]) -> list[Doorbell]:
    """Waiting batches of alerts that are being sent whose doorbell was not rung, or rung in vain.

    `wiped`: Redis lost its memory, and every doorbell with it. `idle`: lanes whose queue is empty. A batch that still
    waits there waits for busy workers, or has lost its doorbell with one: a few of each channel are rung for again.
    """
    return _unrung("a.state = 'sending' AND b.state = 'waiting'", wiped, idle)


def unsettled_batches(older_than_s: float, *, wiped: bool, idle: Collection[Lane]) -> list[Doorbell]:
    """The same for batches with outcomes that have been unknown for so long that the provider should know by now."""
    return _unrung(f"b.state = 'unsettled' AND (b.rung_at IS NOT NULL OR {_OLD})", wiped, idle, old=older_than_s)


def next_unsettled(lane: Lane, channel: str, older_than_s: float) -> int | None:
    """Of these the one that has waited longest, for `clear_up`; None when there is none."""
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
    """Remember that these doorbells are in Redis."""
    with transaction() as s:
        s.execute(
            text("UPDATE batches SET rung_at = now() WHERE id = ANY(:ids) AND state IN ('waiting', 'unsettled')"),
            {"ids": list(batch_ids)},
        )


def unresolved_alerts(now: datetime) -> list[Doorbell]:
    """Launched alerts whose audience is not resolved: the resolver died, or its doorbell was lost."""
    with transaction() as s:
        rows = s.execute(
            text("""SELECT id, lane FROM alerts
                     WHERE state = 'sending' AND fanout_done_at IS NULL AND launched_at < :before ORDER BY id"""),
            {"before": now - timedelta(seconds=2)},
        ).all()
    return [Doorbell(row.id, Lane(row.lane)) for row in rows]


def clear_up(batch_id: int, settings: Settings, transport: Transport) -> None:
    """Find out about the unknown deliveries of a batch, from the provider where it can be asked."""
    held = records.lease_unsettled(batch_id, settings.lease_s)
    if held is None:
        return
    pause_s = settings.reconcile_after_s
    try:
        with transaction() as s:
            unknown, over = _unknown(s, held)
        asked = [(one, _asked(one, held, settings, transport)) for one in unknown]
        found = list(_answered(asked, held, settings, transport, over=over))
        for claimed_at, group in groupby(found, key=lambda pair: pair[0].claimed_at):
            records.record([outcome for _, outcome in group], claimed_at, held.now())
        _say_what_is_sent_again(held.alert_id, [outcome for _, outcome in found])
        if len(found) == len(unknown):
            pause_s = 0.0
        log.info("batch.cleared_up", batch=batch_id, known=len(found), open=len(unknown) - len(found))
    finally:
        records.finish(held, not_before_s=pause_s)


class _Unknown(NamedTuple):
    """A delivery whose outcome is unknown, and who was to carry it."""

    claimed: Claimed
    provider: str
    sender_address: str

    @property
    def claimed_at(self) -> datetime:
        return self.claimed.claimed_at


def _unknown(s: Session, held: Lease) -> tuple[list[_Unknown], bool]:
    """The unknown deliveries of a batch, those that were claimed together side by side, and whether their alert is
    over."""
    s.execute(
        text("""UPDATE deliveries SET state = 'unknown', reason = 'not-recorded' WHERE batch_id = :batch
                   AND state = 'sending'"""),
        {"batch": held.batch_id},
    )
    rows = s.execute(
        text("""
            SELECT d.id, d.contact_id, c.address_sealed, d.attempts, d.claimed_at, d.sender_id, x.provider, x.address
              FROM deliveries d JOIN contacts c ON c.id = d.contact_id JOIN senders x ON x.id = d.sender_id
             WHERE d.batch_id = :batch AND d.state = 'unknown' ORDER BY d.claimed_at, d.id"""),
        {"batch": held.batch_id},
    ).all()
    state = s.execute(text("SELECT state FROM alerts WHERE id = :id"), {"id": held.alert_id}).scalar_one()
    over = AlertState(state) in lifecycle.FINISHED
    return [_Unknown(Claimed(*row[:6]), row.provider, row.address) for row in rows], over


def _asked(one: _Unknown, held: Lease, settings: Settings, transport: Transport) -> "Future[Accepted | None] | None":
    """The question for an unknown delivery, on its way; None where the provider cannot be asked."""
    if transport.adapter(one.provider).recall is not Recall.ASK:
        return None
    opened, _ = sending.recipients([one.claimed], held, settings)
    if not opened:
        failed: Future[Accepted | None] = Future()
        failed.set_exception(SendError(damage.REASON, retryable=True, blame="us"))
        return failed
    message = sending.message(sending.content(held, settings), one.sender_address, opened, settings, None)
    age_s = (held.now() - one.claimed_at).total_seconds()
    return transport.find(one.provider, message, time.monotonic() - age_s)


def _answered(
    asked: "Sequence[tuple[_Unknown, Future[Accepted | None] | None]]",
    held: Lease,
    settings: Settings,
    transport: Transport,
    *,
    over: bool,
) -> Iterator[tuple[_Unknown, Outcome]]:
    """What turned out, of those of which something did. The batch is held meanwhile: who loses it says no more."""
    held_since_s = time.monotonic()
    for one, answer in asked:
        if answer is None:
            yield one, _decided(one, held, settings, transport, over=over)
            continue
        try:
            accepted = answer.result()
        except SendError as error:
            log.warning("provider.no_answer", provider=one.provider, code=error.code, delivery=one.claimed.delivery_id)
        except Exception:
            # A defect in an adapter: the others must not stay unknown for it.
            log.exception("provider.defect", provider=one.provider, delivery=one.claimed.delivery_id)
        else:
            yield one, _told(one, accepted, over=over)
        if time.monotonic() - held_since_s > settings.lease_s / 4:
            held_since_s = time.monotonic()
            if not records.renew(held, settings.lease_s):
                log.warning("batch.lease_lost", batch=held.batch_id)
                return


def _told(one: _Unknown, accepted: Accepted | None, *, over: bool) -> Outcome:
    """By the provider. What it never got is sent for as long as the alert lasts, however often that was tried."""
    delivery = one.claimed.delivery_id
    if accepted is not None:
        return Outcome(delivery, DeliveryState.ACCEPTED, reference=accepted.reference, sent_at=one.claimed_at)
    if over:
        return Outcome(delivery, DeliveryState.FAILED, "not-sent")
    return Outcome(delivery, DeliveryState.QUEUED, "not-taken")


def _decided(one: _Unknown, held: Lease, settings: Settings, transport: Transport, *, over: bool) -> Outcome:
    """Where the provider cannot be asked: one that knows a repeated request is sent it again while it remembers the
    first; else an emergency is sent again, and perhaps read twice, and a routine message is left."""
    age_s = (held.now() - one.claimed_at).total_seconds()
    if transport.adapter(one.provider).recall is Recall.REPEAT and age_s < REPEATS_S:
        why = "repeated"
    elif held.lane is Lane.EMERGENCY:
        why = SENT_AGAIN
    else:
        why = ""
    if not why or over or one.claimed.attempts >= settings.max_attempts:
        return Outcome(one.claimed.delivery_id, DeliveryState.FAILED, "outcome-unknown")
    return Outcome(one.claimed.delivery_id, DeliveryState.QUEUED, why)


def _say_what_is_sent_again(alert_id: int, outcomes: Sequence[Outcome]) -> None:
    """Those who may read an emergency twice, because nobody can tell whether they got it: the report counts them."""
    count = sum(outcome.reason == SENT_AGAIN for outcome in outcomes)
    if count:
        with transaction() as s:
            lifecycle.note(
                s, now=datetime.now(UTC), by=None, action=SENT_AGAIN, subject="alert", subject_id=alert_id, count=count
            )


def end_leftovers(now: datetime) -> None:
    """Close what is queued of alerts that were cancelled or have expired, also what came back to the queue since.

    Their state has been committed before, and stops all claims; to close a million deliveries takes longer than people
    who press cancel should wait.
    """
    while _end_some(now):
        pass


def _end_some(now: datetime) -> bool:
    """The deliveries of a few batches, in one transaction; what was claimed already is on its way. False: none is
    left."""
    with transaction() as s:
        rows = s.execute(
            text("""SELECT b.id, a.state FROM batches b JOIN alerts a ON a.id = b.alert_id
                     WHERE b.state = 'waiting' AND a.state IN ('cancelled', 'expired')
                     ORDER BY b.id LIMIT :some FOR UPDATE OF b SKIP LOCKED"""),
            {"some": END_AT_ONCE},
        ).all()
        for ended in {row.state for row in rows}:
            to = DeliveryState(ended)
            values = {"batches": [row.id for row in rows if row.state == ended], "to": to.value, "now": now}
            s.execute(text(_END), values | {"before": lifecycle.delivery_before(to)})
    return bool(rows)


_END = """
    WITH ended AS (
        UPDATE deliveries SET state = CAST(:to AS delivery_state), reason = :to, settled_at = :now
         WHERE batch_id = ANY(:batches) AND state = ANY(CAST(:before AS delivery_state[]))
    )
    UPDATE batches b
       SET rung_at = NULL,
           state = CASE WHEN EXISTS (SELECT FROM deliveries d WHERE d.batch_id = b.id
                                            AND d.state IN ('sending', 'unknown'))
                        THEN CAST('unsettled' AS batch_state) ELSE 'done' END
     WHERE id = ANY(:batches)
"""


def finish_alerts(now: datetime) -> list[int]:
    """Alerts whose every delivery has left our hands become `sent`."""
    with transaction() as s:
        finished = s.scalars(
            text("""SELECT id FROM alerts a WHERE state = 'sending' AND fanout_done_at IS NOT NULL
                       AND NOT EXISTS (SELECT FROM batches b WHERE b.alert_id = a.id AND b.state <> 'done')
                     FOR NO KEY UPDATE SKIP LOCKED""")
        ).all()
        for alert_id in finished:
            lifecycle.move_alert(s, alert_id, AlertState.SENT, now=now, by=None, action="finish", finished_at=now)
    return list(finished)
