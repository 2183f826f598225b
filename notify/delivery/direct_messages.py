"""Send what is written to one person: through the same adapters, senders and throttle as alerts.

claim -> send -> record. No transaction is open during a provider call (law 5). A message whose outcome is not known is
not sent again: two texts that ask for approval would read as two alerts. `direct_outcomes` looks it up. Operators are
written to ahead of everything routine, and residents who join or are asked something among it.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import redis
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import rules
from notify.channels.channel import CHANNELS
from notify.channels.contract import Accepted, Ambiguous, Late, SendError
from notify.channels.registry import PROVIDERS
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.delivery import direct_requests, direct_secrets, exercise, sender_health, sender_pool
from notify.delivery.leases import CLAIM_S
from notify.delivery.throttle import Allowance, Grant, Throttle
from notify.delivery.transport import Answer, Posted, Transport
from notify.models import Lane

log = structlog.get_logger()

AT_ONCE = 50
MOST_LOOKED_AT = 500
PATIENCE_S = 3.0  # for a slot
TRIES = 3
LOST_AFTER = timedelta(minutes=2)  # a claim without an outcome: the process that made it has died
GIVEN_UP_AFTER = timedelta(minutes=30)  # later, an ask would be news of the past
PRACTICE = "Exercise"  # stands for every status but Actual: only simulators may carry them
OUTCOMES = {Accepted: "accepted", Ambiguous: "unknown", Late: "waiting"}

# Whose messages a run sends: a condition, and the lane in which they take slots. Residents who are asked something are
# many, and have time: who joins does not wait behind them.
OPERATORS = ("m.operator_id IS NOT NULL", Lane.EMERGENCY)
JOINERS, ASKED = ("m.joining_id IS NOT NULL", Lane.ROUTINE), ("m.contact_id IS NOT NULL", Lane.ROUTINE)

# Somebody waits for the answer before people in danger are warned, or must know what was done alone.
_URGENT = "coalesce(m.kind IN ('ask', 'break-glass') AND a.lane = 'emergency' AND a.status = 'Actual', false)"

# An ask is not needed once the alert is approved or stopped, and one to extend it once it is over or others have the
# last word in all of its area. Nobody is welcomed or asked who has opted out meanwhile, or is being asked something
# else by now.
_NEEDED = """
    CASE m.kind WHEN 'ask' THEN EXISTS (SELECT FROM alerts a WHERE a.id = m.alert_id AND a.state = 'draft')
         WHEN 'expiry' THEN EXISTS (
              SELECT FROM alerts a LEFT JOIN standings t ON t.alert_id = a.id
               WHERE a.id = m.alert_id AND a.state IN ('sending', 'paused', 'sent')
                 AND (t.alert_id IS NULL OR t.left_area IS NOT NULL))
         WHEN 'welcome' THEN NOT EXISTS (
              SELECT FROM joinings j JOIN contacts c ON c.id = j.contact_id
                JOIN suppressions x ON (x.channel, x.address_index) = (c.channel, c.address_index)
               WHERE j.id = m.joining_id AND x.topic IS NULL)
         WHEN 'question' THEN EXISTS (
              SELECT FROM contacts c JOIN conversations v USING (channel, address_index)
               WHERE c.id = m.contact_id AND v.message_id = m.id AND v.ends_at > :now
                 AND NOT EXISTS (SELECT FROM suppressions x WHERE x.topic IS NULL
                                    AND (x.channel, x.address_index) = (c.channel, c.address_index)))
         WHEN 'self-test' THEN NOT EXISTS (
              SELECT FROM contacts c JOIN suppressions x USING (channel, address_index)
               WHERE c.id = m.contact_id AND x.topic IS NULL)
         ELSE true END
"""

# A question waits for the end of the city's quiet time, and of its resident's. At night no other question is looked at.
_BY_DAY = f"""
    (m.kind <> 'question' OR m.any_hour OR (
        CAST(:city_quiet AS timestamptz) IS NULL AND EXISTS (
             SELECT FROM contacts c {rules.choices()}
              WHERE c.id = m.contact_id AND ({rules.held_until(":{}")}) IS NULL)))
"""


def send(
    settings: Settings, throttle: Throttle, transport: Callable[[], Transport], to: tuple[str, Lane] = OPERATORS
) -> int:
    """Send the messages that wait for operators, or for residents. Returns how many were taken by a provider."""
    now = datetime.now(UTC)
    whose, lane = to
    with transaction() as s:
        _close(s, now, settings, whose)
        waiting = [row for channel in CHANNELS for row in _sendable(s, channel, whose, settings, now)]
    waiting.sort(key=lambda row: (not row.urgent, row.id))
    return sum(_send_one(row, lane, settings, throttle, transport) for row in waiting)


def _sendable(s: Session, channel: str, whose: str, settings: Settings, now: datetime) -> Sequence[Any]:
    """Return the first messages of a channel that its open senders may carry: what cannot be sent keeps nothing waiting
    that can. What an emergency waits for comes first; a question waits for the end of its resident's quiet time."""
    senders = sender_pool.open_senders(channel)
    if not senders:
        return []
    return s.execute(
        text(f"""SELECT {direct_requests.COLUMNS}, {_URGENT} AS urgent
                   FROM direct_messages m LEFT JOIN alerts a ON a.id = m.alert_id
                  WHERE m.state = 'waiting' AND m.channel = :channel AND {whose} AND {_BY_DAY} AND {_NEEDED}
                        AND (:practice OR coalesce(a.status, 'Actual') = 'Actual')
                  ORDER BY urgent DESC, m.id LIMIT :most"""),
        {
            "channel": channel,
            "now": now,
            **rules.city_quiet(now),
            "practice": any(exercise.may_carry(settings, one.provider, PRACTICE) for one in senders),
            "most": AT_ONCE,
        },
    ).all()


def _close(s: Session, now: datetime, settings: Settings, whose: str) -> None:
    """End what was lost, is not needed any more or waited too long. Only the first questions are looked at: there may
    be a million, and one that is not needed is not claimed either."""
    s.execute(
        text("""UPDATE direct_messages SET state = 'unknown', reason = 'not-recorded', settled_at = :now
                 WHERE state = 'claimed' AND claimed_at < :lost"""),
        {"now": now, "lost": now - LOST_AFTER},
    )
    s.execute(
        text(f"""UPDATE direct_messages m SET state = 'failed', settled_at = :now,
                        reason = CASE WHEN {_NEEDED} THEN 'too-late' ELSE 'not-needed' END
                  WHERE m.id IN (SELECT m.id FROM direct_messages m WHERE m.state = 'waiting' AND {whose}
                                  ORDER BY m.id LIMIT :most)
                    AND (m.made_at < :old AND m.kind <> 'question' OR NOT {_NEEDED})"""),
        {"now": now, "old": now - GIVEN_UP_AFTER, "most": MOST_LOOKED_AT},
    )
    simulated = {one.channel for name, one in PROVIDERS.items() if exercise.may_carry(settings, name, PRACTICE)}
    s.execute(
        text("""UPDATE direct_messages m SET state = 'failed', reason = :reason, settled_at = :now
                  FROM alerts a
                 WHERE m.state = 'waiting' AND a.id = m.alert_id AND a.status <> 'Actual'
                       AND m.channel <> ALL(CAST(:simulated AS text[]))"""),
        {"now": now, "reason": exercise.REASON, "simulated": list(simulated)},
    )


def _send_one(row: Any, lane: Lane, settings: Settings, throttle: Throttle, transport: Callable[[], Transport]) -> bool:
    """Send one message by the first sender that has a slot. Returns whether it was taken; if none has, it waits."""
    for sender in sender_pool.open_senders(row.channel):
        if exercise.may_carry(settings, sender.provider, row.status):
            for _ in range(TRIES):  # a slot that this process was too slow to use is followed by another
                answer = _try(row, sender, lane, settings, throttle, transport())
                if answer is not None and not isinstance(answer, Late):
                    return isinstance(answer, Accepted)
    return False


def _try(
    row: Any,
    sender: sender_pool.OpenSender,
    lane: Lane,
    settings: Settings,
    throttle: Throttle,
    transport: Transport,
) -> Answer | None:
    """Take a slot, claim, post and record. Returns the answer; None when there was no slot or nothing to claim."""
    cost = CHANNELS[row.channel].cost(direct_secrets.put_in(direct_secrets.stand_ins(settings), row.text))
    grant = _slot(sender, cost, lane, throttle, bulk=transport.adapter(sender.provider).max_recipients > 1)
    if grant is None:
        return None
    claimed = _claim(row, sender.id, cost)
    if claimed is None:
        sender_health.record(sender, [grant], cost, [], throttle)
        return None
    request = direct_requests.message(
        row, claimed.text, claimed.subject, sender.address, claimed.address, settings, claimed.contact_id
    )
    (posted,) = transport.post(sender.provider, [request], [grant.first_s])
    _record(row.id, posted)
    sender_health.record(sender, [grant], cost, [posted], throttle)
    return posted.answer


def _slot(sender: sender_pool.OpenSender, cost: int, lane: Lane, throttle: Throttle, *, bulk: bool) -> Grant | None:
    """Take a slot, or return None if there is none within PATIENCE_S."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer = throttle.take(
                Allowance(sender.id, sender.rate_per_s, sender.daily_cap),
                1,
                lane,
                unit=cost,
                bulk=bulk,
                within_s=CLAIM_S,
                now=throttle.now(),
            )
        except redis.RedisError as error:
            log.warning("throttle.unreachable", error=type(error).__name__)
            return None
        if isinstance(answer, Grant):
            return answer
        if time.monotonic() + answer.seconds > until_s:
            return None
        time.sleep(answer.seconds)


class _Claimed(NamedTuple):
    """Where a message goes, and its words with what is secret in them."""

    address: str
    subject: str
    text: str
    contact_id: int | None


def _claim(row: Any, sender_id: int, cost: int) -> _Claimed | None:
    """Claim a message; None if it is not needed any more, or another process has it.

    A contact that was removed, changed and not verified, or cannot be read, fails.
    """
    now = datetime.now(UTC)
    with transaction() as s:
        claimed = s.execute(
            text(f"""UPDATE direct_messages m
                        SET state = 'claimed', claimed_at = :now, sender_id = :sender, cost = :cost
                      WHERE m.id = :id AND m.state = 'waiting' AND {_NEEDED} AND {_BY_DAY}
                  RETURNING m.kind, m.channel, coalesce(m.operator_id, m.joining_id, m.contact_id) AS person,
                            {direct_requests.CONTACT} AS contact_id, {direct_requests.ADDRESS}"""),
            {"id": row.id, "sender": sender_id, "cost": cost, "now": now, **rules.city_quiet(now)},
        ).first()
        if claimed is None:
            return None
        address, reason = direct_requests.opened(claimed)
        hidden = direct_secrets.made(s, claimed, now) if address else None
        if address and hidden is not None:
            subject, words = (direct_secrets.put_in(hidden, one) for one in (row.subject, row.text))
            return _Claimed(address, subject, words, claimed.contact_id)
        s.execute(
            text("UPDATE direct_messages SET state = 'failed', reason = :reason, settled_at = :now WHERE id = :id"),
            {"id": row.id, "reason": reason or "not-needed", "now": now},
        )
    return None


def _record(message_id: int, posted: Posted) -> None:
    answer = posted.answer
    if isinstance(answer, SendError):
        state, reason = ("waiting" if answer.retryable else "failed"), answer.code
    else:
        state, reason = OUTCOMES[type(answer)], answer.code if isinstance(answer, Ambiguous) else ""
    reference = answer.reference if isinstance(answer, Accepted) else ""
    with transaction() as s:
        s.execute(
            text("""UPDATE direct_messages SET state = :state, reason = :reason, reference = :reference,
                           settled_at = CASE WHEN :state = 'waiting' THEN NULL ELSE CAST(:now AS timestamptz) END
                     WHERE id = :id AND state = 'claimed'"""),
            {"id": message_id, "state": state, "reason": reason, "reference": reference, "now": datetime.now(UTC)},
        )
    log.info("direct_message.sent", message=message_id, state=state, reason=reason)
