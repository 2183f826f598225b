"""What became of deliveries whose outcome is unknown: from the provider where it can be asked, else by the lane.

It may run at any time, several times and in several processes: it holds the batch by a lease, as a sender does.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.contract import Accepted, Recall, SendError
from notify.core import alarms, audit, db, states
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.delivery import exercise, leases, recording, requests, unreadable
from notify.delivery.claims import Claimed
from notify.delivery.leases import Lease
from notify.delivery.outcomes import Outcome
from notify.delivery.transport import Transport
from notify.models import Lane
from notify.models.states import AlertState, DeliveryState

log = structlog.get_logger()

SENT_AGAIN = "sent-again"
REPEATS_S = 3000.0  # a repeated request is recognised for an hour (Mastodon's Idempotency-Key), and may wait its turn


def clear_up(batch_id: int, settings: Settings, transport: Transport) -> None:
    """Find out about the unknown deliveries of a batch, from the provider where it can be asked."""
    held = leases.lease_unsettled(batch_id, settings.lease_s)
    if held is None:
        return
    pause_s = settings.reconcile_after_s
    try:
        with transaction() as s:
            unknown, over = _unknown(s, held)
        asked = [(one, _asked(one, held, settings, transport)) for one in unknown]
        found = list(_answered(asked, held, settings, transport, over=over))
        for claimed_at, group in groupby(found, key=lambda pair: pair[0].claimed_at):
            recording.record_apart(held, [outcome for _, outcome in group], claimed_at)
        _say_what_is_sent_again(held.alert_id, [outcome for _, outcome in found])
        if len(found) == len(unknown):
            pause_s = 0.0
        log.info("batch.cleared_up", batch=batch_id, known=len(found), open=len(unknown) - len(found))
    finally:
        leases.finish(held, not_before_s=pause_s)


class _Unknown(NamedTuple):
    """A delivery whose outcome is unknown, and who was to carry it: "" for any of our senders (`restoring`).
    `refused`: earlier tries that the carrier refused, by reference (`carrier_blocks`)."""

    claimed: Claimed
    provider: str
    sender_address: str
    refused: list[str]

    @property
    def claimed_at(self) -> datetime:
        return self.claimed.claimed_at


def _unknown(s: Session, held: Lease) -> tuple[list[_Unknown], bool]:
    """The unknown deliveries of a batch, those that were claimed together side by side, and whether their alert is
    over."""
    _give_up(s, held)
    rows = s.execute(
        text("""
            SELECT d.id, d.contact_id, c.address_sealed, d.attempts, d.claimed_at, d.sender_id, x.provider,
                   CASE WHEN d.reason = 'restored' THEN '' ELSE x.address END AS address,
                   array(SELECT reference FROM carrier_refusals f
                          WHERE f.delivery_id = d.id AND f.settled_at IS NOT NULL) AS refused
              FROM deliveries d JOIN contacts c ON c.id = d.contact_id JOIN senders x ON x.id = d.sender_id
             WHERE d.batch_id = :batch AND d.state = 'unknown' ORDER BY d.claimed_at, d.id"""),
        {"batch": held.batch_id},
    ).all()
    state = s.execute(text("SELECT state FROM alerts WHERE id = :id"), {"id": held.alert_id}).scalar_one()
    over = AlertState(state) in states.FINISHED
    return [_Unknown(Claimed(*row[:6]), row.provider, row.address, row.refused) for row in rows], over


def _give_up(s: Session, held: Lease) -> None:
    """What nobody recorded before the batch was given back."""

    def work(these: Sequence[int]) -> None:
        s.execute(
            text("""UPDATE deliveries SET state = 'unknown', reason = 'not-recorded'
                     WHERE id = ANY(:these) AND state = 'sending'"""),
            {"these": list(these)},
        )

    def refused(one: int, why: Exception) -> None:
        alarms.refused_row(f"end the sending of delivery {one}", why, held.now(), alert_id=held.alert_id)

    left = s.scalars(
        text("SELECT id FROM deliveries WHERE batch_id = :batch AND state = 'sending' ORDER BY id"),
        {"batch": held.batch_id},
    ).all()
    db.in_halves(left, work, refused, s.begin_nested)


def _asked(one: _Unknown, held: Lease, settings: Settings, transport: Transport) -> "Future[Accepted | None] | None":
    """The question for an unknown delivery, on its way; None where the provider cannot be asked."""
    if not exercise.may_carry(settings, one.provider, held.status):
        return None
    if transport.adapter(one.provider).recall is not Recall.ASK:
        return None
    opened, _ = requests.recipients([one.claimed], held, settings)
    if not opened:
        failed: Future[Accepted | None] = Future()
        failed.set_exception(SendError(unreadable.REASON, retryable=True, blame="us"))
        return failed
    message = requests.message(requests.content(held, settings), one.sender_address, opened, settings, None)
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
            log.warning("provider.no_answer", provider=one.provider, code=error.code)
            if over and error.code == unreadable.REASON:  # nobody can be asked about it any more
                yield one, Outcome(one.claimed.delivery_id, DeliveryState.FAILED, "outcome-unknown")
        except Exception:
            # A defect in an adapter: the others must not stay unknown for it.
            log.exception("provider.defect", provider=one.provider, delivery=one.claimed.delivery_id)
        else:
            yield one, _told(one, accepted, over=over)
        if time.monotonic() - held_since_s > settings.lease_s / 4:
            held_since_s = time.monotonic()
            if not leases.renew(held, settings.lease_s):
                log.warning("batch.lease_lost", batch=held.batch_id)
                return


def _told(one: _Unknown, accepted: Accepted | None, *, over: bool) -> Outcome:
    """By the provider. What it never got is sent for as long as the alert lasts, however often that was tried."""
    delivery = one.claimed.delivery_id
    if accepted is not None and accepted.reference not in one.refused:  # the newest is found first
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
            audit.note(
                s, now=datetime.now(UTC), by=None, action=SENT_AGAIN, subject="alert", subject_id=alert_id, count=count
            )
