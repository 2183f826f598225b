"""Pause or stop a sender, or open its breaker, by the answers of a window."""

from collections.abc import Sequence
from datetime import UTC, datetime

import redis
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.contract import Accepted, Ambiguous, Late, SendError
from notify.core import alarms, audit, db, reasons
from notify.core.db import transaction
from notify.delivery.sender_pool import OpenSender
from notify.delivery.throttle import Grant, Throttle
from notify.delivery.transport import Answer, Posted

log = structlog.get_logger()

PATIENCE_S = 120.0


def record(
    sender: OpenSender, grants: Sequence[Grant], unit: int, posted: Sequence[Posted], throttle: Throttle
) -> bool:
    """Report the results of grants to the throttle, at `unit` tokens a message, and stop a sender that cannot work.

    Returns whether the provider is in trouble: then its refusals say nothing about the messages. Without Redis nothing
    is reported, but nothing is sent either.
    """
    errors = [one.answer for one in posted if isinstance(one.answer, SendError)]
    ours = [error for error in errors if error.blame == "us" and not error.retryable and not error.positions]
    if ours:
        # Retried, because the outcomes of the window are not recorded yet and must not be lost to an outage.
        db.persistently(lambda: _stop_sender(sender, ours[0]), PATIENCE_S)
    waits_s = [error.retry_after_s for error in errors if error.retry_after_s is not None]
    faults = [_fault(one.answer) for one in posted]
    left = sum(not isinstance(one.answer, Late) for one in posted)
    taken = sum(len(one.message.recipients) for one in posted if isinstance(one.answer, Accepted | Ambiguous))
    try:
        if waits_s:
            throttle.close(sender.id, max(waits_s))
        if sender.daily_cap is not None or not posted:
            unused = sum(grant.messages for grant in grants) - taken
            throttle.give_back(grants[-1], unused * unit, slots=not posted)
        codes = [fault for fault in faults if fault]
        return throttle.record_results(grants, codes, left - len(codes))
    except redis.RedisError as error:
        log.warning("throttle.unreachable", error=type(error).__name__)
        return False


def _fault(answer: Answer) -> str:
    """Return the code of an answer that shows a fault of the provider, else "".

    A 429 that says how long to wait is not a fault.
    """
    if isinstance(answer, Ambiguous):
        return answer.code
    if isinstance(answer, SendError) and answer.retryable and answer.blame == "provider":
        return answer.code if answer.retry_after_s is None else ""
    return ""


def _stop_sender(sender: OpenSender, error: SendError) -> None:
    with transaction() as s:
        stop(s, sender.id, f"{sender.provider} refuses it: {_described(error)}", datetime.now(UTC))


def _described(error: SendError) -> str:
    return f"{reasons.sentence(error.code)}. {error.detail}".strip() if error.detail else reasons.sentence(error.code)


def stop(s: Session, sender_id: int, why: str, now: datetime) -> None:
    """Close a sender and raise an alarm, with the reason that people will read.

    Its batches go to the other senders, or wait. If it is stopped already, only the alarm is counted again.
    """
    stopped = s.execute(
        text("UPDATE senders SET status = 'stopped', note = :why WHERE id = :id AND status = 'open' RETURNING id"),
        {"id": sender_id, "why": why},
    ).first()
    alarms.sound(s, alarms.SENDER_STOPPED, f"Sender {sender_id} is stopped: {why}", now, sender_id=sender_id)
    if stopped is not None:
        audit.note(s, now=now, by=None, action="stop", subject="sender", subject_id=sender_id, why=why)
        log.error("sender.stop", sender=sender_id, why=why)
