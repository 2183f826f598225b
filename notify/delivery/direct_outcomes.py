"""Look up messages to one person whose outcome is unknown, as `reconcile` does those to residents.

A provider that can be asked settles it: what it has was sent, and what it never had waits again. Otherwise the message
stays unknown, for the reason OPEN_END, and is never sent again; but for codes of residents who join, if their
sender has died.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import text

from notify.channels.contract import Message, Recall, SendError
from notify.core import one_time_codes
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.delivery import direct_messages, direct_requests, direct_secrets, exercise, join_codes, reminder_places
from notify.delivery.transport import Transport

log = structlog.get_logger()

OPEN_END = "outcome-unknown"
AT_ONCE = 20


def look_up(settings: Settings, transport: Callable[[], Transport]) -> int:
    """Ask about the messages that have been unknown for a moment. Returns how many are settled now."""
    now = datetime.now(UTC)
    with transaction() as s:
        unknown = s.execute(
            text(_UNKNOWN),
            {"before": now - timedelta(seconds=settings.reconcile_after_s), "open_end": OPEN_END, "most": AT_ONCE},
        ).all()
    return sum(_settle(row, settings, transport(), now) for row in unknown)


_UNKNOWN = f"""
    SELECT {direct_requests.COLUMNS}, m.kind, m.claimed_at, m.made_at, m.reason, m.joining_id,
           x.provider, x.address AS sender_address, {direct_requests.ADDRESS}
      FROM direct_messages m LEFT JOIN alerts a ON a.id = m.alert_id JOIN senders x ON x.id = m.sender_id
     WHERE m.state = 'unknown' AND m.reason <> :open_end AND m.settled_at <= :before ORDER BY m.id LIMIT :most
"""


def _settle(row: Any, settings: Settings, transport: Transport, now: datetime) -> bool:
    """Settle one message. Returns whether it was; while the provider gives no answer, it is asked again."""
    asked = _asked_about(row, settings, transport)
    if asked is None:
        again = _may_come_twice(row, now)
        return _record(row, "waiting", row.reason) if again else _record(row, "unknown", OPEN_END)
    age_s = (now - row.claimed_at).total_seconds()
    try:
        accepted = transport.find(row.provider, asked, time.monotonic() - age_s).result()
    except SendError as error:
        log.warning("provider.no_answer", provider=row.provider, code=error.code)
        over = now - row.claimed_at > direct_messages.GIVEN_UP_AFTER
        return over and _record(row, "unknown", OPEN_END)
    if accepted is None:
        return _record(row, "waiting", "not-taken")
    return _record(row, "accepted", "", accepted.reference)


def _asked_about(row: Any, settings: Settings, transport: Transport) -> Message | None:
    """Return a message that the provider can be asked about, as it was sent. It compares the text: of what is secret
    in it, only the codes of who joins, and the addresses in a reminder, can be made once more."""
    if not exercise.may_carry(settings, row.provider, row.status):
        return None
    if transport.adapter(row.provider).recall is not Recall.ASK:
        return None
    hidden: direct_secrets.Secrets = {}
    if row.kind == direct_secrets.JOIN_CODE:
        hidden = join_codes.secrets_of(row.joining_id, row.claimed_at)
    elif row.kind == reminder_places.KIND:
        with transaction() as s:
            found = reminder_places.addresses(s, [row.id]).get(row.id)
        if found is None:
            return None
        hidden = found
    elif direct_secrets.has_some(row.kind):
        return None
    address, _ = direct_requests.opened(row)
    if address is None:
        return None
    words = direct_secrets.put_in(hidden, row.text)
    return direct_requests.message(row, words, row.subject, row.sender_address, address, settings)


def _may_come_twice(row: Any, now: datetime) -> bool:
    """Whether to send a message once more of which nobody can say whether it was sent: only a code of who joins, after
    the process that sent it has died. They wait for it, and of two codes the newer one is good."""
    died = row.reason == direct_messages.NOT_RECORDED
    return bool(row.kind == direct_secrets.JOIN_CODE and died and now - row.made_at < one_time_codes.LIVES)


def _record(row: Any, state: str, reason: str, reference: str = "") -> bool:
    """Record an outcome, unless another scheduler has done so and the message is on its way again."""
    with transaction() as s:
        done = s.execute(
            text("""UPDATE direct_messages SET state = :state, reason = :reason, reference = :reference,
                           settled_at = CASE WHEN :state = 'waiting' THEN NULL ELSE CAST(:now AS timestamptz) END
                     WHERE id = :id AND state = 'unknown' AND claimed_at = :claimed RETURNING id"""),
            {
                "id": row.id, "state": state, "reason": reason, "reference": reference,
                "claimed": row.claimed_at, "now": datetime.now(UTC),
            },
        ).first()  # fmt: skip
    log.info("direct_message.looked_up", message=row.id, state=state, reason=reason)
    return done is not None
