"""Reconcile deliveries whose outcome is unknown: ask the provider where it can be asked, else decide by the lane.

This is safe to run at any time, repeatedly and in several processes, because it leases the batch first, as workers do.
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
from notify.delivery import digests, exercise, leases, recording, requests, unreadable
from notify.delivery.claims import Claimed
from notify.delivery.leases import Lease
from notify.delivery.outcomes import Outcome
from notify.delivery.transport import Transport
from notify.models import Lane
from notify.models.states import AlertState, DeliveryState

log = structlog.get_logger()

SENT_AGAIN = "sent-again"
REPEATS_S = 3000.0  # Mastodon recognises an Idempotency-Key for an hour; the rest is time to wait in the queue


def reconcile_batch(batch_id: int, settings: Settings, transport: Transport) -> None:
    """Reconcile the unknown deliveries of a batch, and give it back. Does nothing if the batch cannot be leased."""
    held = leases.lease_unsettled(batch_id, settings.lease_s)
    if held is None:
        return
    pause_s = settings.reconcile_after_s
    try:
        with transaction() as s:
            unknown, over = _unknown(s, held)
        asked = [(one, _ask(one, held, settings, transport)) for one in unknown]
        found = list(_outcomes(asked, held, settings, transport, over=over))
        for claimed_at, group in groupby(found, key=lambda pair: pair[0].claimed_at):
            recording.record_apart(held, [outcome for _, outcome in group], claimed_at)
        _audit_sent_again(held.alert_id, [outcome for _, outcome in found])
        if len(found) == len(unknown):
            pause_s = 0.0
        log.info("batch.reconciled", batch=batch_id, known=len(found), open=len(unknown) - len(found))
    finally:
        leases.finish(held, not_before_s=pause_s)


class _Unknown(NamedTuple):
    """A delivery whose outcome is unknown. `sender_address`: "" if any sender may have sent it (a restored backup).
    `refused`: references of earlier attempts that the carrier refused (`carrier_blocks`)."""

    claimed: Claimed
    provider: str
    sender_address: str
    refused: list[str]

    @property
    def claimed_at(self) -> datetime:
        return self.claimed.claimed_at


def _unknown(s: Session, held: Lease) -> tuple[list[_Unknown], bool]:
    """Return the unknown deliveries of a batch, ordered by the time of their claim, and whether their alert is
    finished."""
    _mark_unrecorded(s, held)
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
    state = AlertState(s.execute(text("SELECT state FROM alerts WHERE id = :id"), {"id": held.alert_id}).scalar_one())
    over = state in states.FINISHED and (state is not AlertState.SENT or held.expires_at <= held.now())
    words = digests.sent_words(s, held, [row.id for row in rows]) if held.digest else {}
    return [
        _Unknown(Claimed(*row[:6])._replace(words=words.get(row.id)), row.provider, row.address, row.refused)
        for row in rows
    ], over


def _mark_unrecorded(s: Session, held: Lease) -> None:
    """Mark deliveries as unknown that were claimed but never recorded."""

    def work(these: Sequence[int]) -> None:
        s.execute(
            text("""UPDATE deliveries SET state = 'unknown', reason = 'not-recorded'
                     WHERE id = ANY(:these) AND state = 'sending'"""),
            {"these": list(these)},
        )

    def refused(one: int, why: Exception) -> None:
        alarms.refused_row(f"set delivery {one} to unknown", why, held.now(), alert_id=held.alert_id)

    left = s.scalars(
        text("SELECT id FROM deliveries WHERE batch_id = :batch AND state = 'sending' ORDER BY id"),
        {"batch": held.batch_id},
    ).all()
    db.in_halves(left, work, refused, s.begin_nested)


def _ask(one: _Unknown, held: Lease, settings: Settings, transport: Transport) -> "Future[Accepted | None] | None":
    """Ask the provider about an unknown delivery. Return None if it cannot be asked."""
    if not exercise.may_carry(settings, one.provider, held.status):
        return None
    if transport.adapter(one.provider).recall is not Recall.ASK:
        return None
    opened, _ = requests.recipients([one.claimed], held, settings)
    if not opened:
        failed: Future[Accepted | None] = Future()
        failed.set_exception(SendError(unreadable.REASON, retryable=True, blame="us"))
        return failed
    words = requests.content(held, settings, one.claimed.words)
    message = requests.message(words, one.sender_address, opened, settings, None)
    age_s = (held.now() - one.claimed_at).total_seconds()
    return transport.find(one.provider, message, time.monotonic() - age_s)


def _outcomes(
    asked: "Sequence[tuple[_Unknown, Future[Accepted | None] | None]]",
    held: Lease,
    settings: Settings,
    transport: Transport,
    *,
    over: bool,
) -> Iterator[tuple[_Unknown, Outcome]]:
    """Yield each delivery whose outcome is now known. Renews the lease meanwhile, and stops if it is lost."""
    held_since_s = time.monotonic()
    for one, answer in asked:
        if answer is None:
            yield one, _assumed_outcome(one, held, settings, transport, over=over)
            continue
        try:
            accepted = answer.result()
        except SendError as error:
            log.warning("provider.no_answer", provider=one.provider, code=error.code)
            if over and error.code == unreadable.REASON:  # it can no longer be asked about
                yield one, Outcome(one.claimed.delivery_id, DeliveryState.FAILED, "outcome-unknown")
        except Exception:
            # A defect in an adapter must not keep the other deliveries unknown.
            log.exception("provider.defect", provider=one.provider, delivery=one.claimed.delivery_id)
        else:
            yield one, _reported_outcome(one, accepted, over=over)
        if time.monotonic() - held_since_s > settings.lease_s / 4:
            held_since_s = time.monotonic()
            if not leases.renew(held, settings.lease_s):
                log.warning("batch.lease_lost", batch=held.batch_id)
                return


def _reported_outcome(one: _Unknown, accepted: Accepted | None, *, over: bool) -> Outcome:
    """Return the outcome that the provider reports. A message it never received is queued again until the alert ends,
    however many attempts were made."""
    delivery = one.claimed.delivery_id
    if accepted is not None and accepted.reference not in one.refused:  # the provider returns the newest message first
        return Outcome(delivery, DeliveryState.ACCEPTED, reference=accepted.reference, sent_at=one.claimed_at)
    if over:
        return Outcome(delivery, DeliveryState.FAILED, "not-sent")
    return Outcome(delivery, DeliveryState.QUEUED, "not-taken")


def _assumed_outcome(one: _Unknown, held: Lease, settings: Settings, transport: Transport, *, over: bool) -> Outcome:
    """Decide the outcome where the provider cannot be asked. If it recognises repeated requests, send again while it
    remembers the first; else send an emergency again, which some may read twice, and fail a routine message. Fail
    every message whose alert is over or whose attempts are used up."""
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


def _audit_sent_again(alert_id: int, outcomes: Sequence[Outcome]) -> None:
    """Audit how many residents may read an emergency twice, because the first outcome is unknown, for the report."""
    count = sum(outcome.reason == SENT_AGAIN for outcome in outcomes)
    if count:
        with transaction() as s:
            audit.note(
                s, now=datetime.now(UTC), by=None, action=SENT_AGAIN, subject="alert", subject_id=alert_id, count=count
            )
