"""Send what is written to one person: through the same adapters, senders and throttle as alerts.

claim -> send -> record (`direct_windows`). A message whose outcome is not known is not sent again: two texts that ask
for approval would read as two alerts. `direct_outcomes` looks it up. Operators are written to ahead of everything
routine. Residents are written to among it: codes ahead of the rest, as somebody waits for them.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import rules
from notify.channels.channel import CHANNELS
from notify.channels.registry import PROVIDERS
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.delivery import direct_requests, direct_windows, exercise, sender_pool
from notify.delivery.direct_conditions import BY_DAY, NEEDED, URGENT
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.models import Lane

AT_ONCE = 500  # of a channel; then what is urgent is looked for anew
MOST_LOOKED_AT = 500
LOST_AFTER = timedelta(minutes=2)  # a claim without an outcome: the process that made it has died
NOT_RECORDED = "not-recorded"  # the reason of such a message
GIVEN_UP_AFTER = timedelta(minutes=30)  # later, an ask would be news of the past
PRACTICE = "Exercise"  # stands for every status but Actual: only simulators may carry them

# Whose messages a run sends: a condition, and the lane in which they take slots. Residents who are asked something are
# many, and have time: who joins does not wait behind them.
OPERATORS = ("m.operator_id IS NOT NULL", Lane.EMERGENCY)
JOINERS = ("m.joining_id IS NOT NULL", Lane.ROUTINE)
ASKED = ("m.contact_id IS NOT NULL AND m.kind <> 'reminder'", Lane.ROUTINE)
REMINDED = ("m.kind = 'reminder'", Lane.ROUTINE)


def send(
    settings: Settings, throttle: Throttle, transport: Callable[[], Transport], to: tuple[str, Lane] = OPERATORS
) -> int:
    """Send the messages that wait for operators, or for residents. Returns how many were taken by a provider."""
    now = datetime.now(UTC)
    whose, lane = to
    with transaction() as s:
        _close(s, now, settings, whose)
        waiting = [row for channel in CHANNELS for row in _sendable(s, channel, whose, settings, now)]
    ahead = to is JOINERS  # somebody looks at their phone for the code
    return direct_windows.send(waiting, direct_windows.Means(lane, settings, throttle, transport, ahead))


def _sendable(s: Session, channel: str, whose: str, settings: Settings, now: datetime) -> Sequence[Any]:
    """Return the first messages of a channel that its open senders may carry: what cannot be sent keeps nothing waiting
    that can. What an emergency waits for comes first; a question waits for the end of its resident's quiet time."""
    senders = sender_pool.open_senders(channel)
    if not senders:
        return []
    first = "urgent DESC, " if whose == OPERATORS[0] else ""  # residents' are none: the index gives their order
    return s.execute(
        text(f"""SELECT {direct_requests.COLUMNS}, {URGENT} AS urgent
                   FROM direct_messages m LEFT JOIN alerts a ON a.id = m.alert_id
                  WHERE m.state = 'waiting' AND m.channel = :channel AND {whose} AND {BY_DAY} AND {NEEDED}
                        AND (:practice OR coalesce(a.status, 'Actual') = 'Actual')
                  ORDER BY {first}m.id LIMIT :most"""),
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
        text("""UPDATE direct_messages SET state = 'unknown', reason = :reason, settled_at = :now
                 WHERE state = 'claimed' AND claimed_at < :lost"""),
        {"now": now, "lost": now - LOST_AFTER, "reason": NOT_RECORDED},
    )
    s.execute(
        text(f"""UPDATE direct_messages m SET state = 'failed', settled_at = :now,
                        reason = CASE WHEN {NEEDED} THEN 'too-late' ELSE 'not-needed' END
                  WHERE m.id IN (SELECT m.id FROM direct_messages m WHERE m.state = 'waiting' AND {whose}
                                  ORDER BY m.id LIMIT :most)
                    AND (m.made_at < :old AND m.kind NOT IN ('question', 'reminder') OR NOT {NEEDED})"""),
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
