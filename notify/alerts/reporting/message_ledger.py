"""What was sent to one resident this month, held, merged or left out, and why: by message and by day, for staff.

Read from the delivery rows, exercises left out. What was launched before the contact was theirs is left out, too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts.reporting import message_load
from notify.alerts.reporting.message_load import Ledger
from notify.core import reasons
from notify.core.errors import NotFound
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery.digests import MERGED
from notify.models import Operator, Subscriber
from notify.subscribers import record, serving

Outcome = Literal["sent", "waits", "held", "merged", "left-out", "failed"]
OUTCOMES: Mapping[str, Outcome] = {
    "queued": "waits",
    "held": "held",
    "sending": "sent",
    "unknown": "sent",
    "accepted": "sent",
    "delivered": "sent",
    "undelivered": "failed",
    "failed": "failed",
    "skipped": "left-out",
    "cancelled": "left-out",
    "expired": "left-out",
}
MOST = 1_000  # messages, the newest first


@dataclass(frozen=True, slots=True)
class Message:
    """One message, or one that was left out. `contact`: masked. `day`: in the city, on which it was sent or left out;
    of what waits, on which its alert was launched. `why`: the reason in words, "" for none."""

    day: date
    alert_id: int
    event: str
    lane: str
    channel: str
    contact: str
    outcome: Outcome
    state: str
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Day:
    """`messages`: how many, by outcome."""

    day: date
    messages: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Month:
    """`routine`: alerts, each counted once on however many contacts it came, as their own page says. `messages`: all,
    by outcome; `days`, `each`: the newest first."""

    since: datetime
    routine: Ledger
    messages: Mapping[str, int]
    days: Sequence[Day]
    each: Sequence[Message]


def of_resident(s: Session, subscriber_id: int, now: datetime, by: Operator | None) -> Month:
    """Return the messages of this month, in the city's time. Needs the permission `serve`; the audit names who looked.
    Raises NotFound, NotAllowed."""
    serving.require(by)
    if s.get(Subscriber, subscriber_id) is None:
        raise NotFound(_("There is no resident %(resident)s.", resident=subscriber_id))
    since = message_load.month(now)
    given = {"id": subscriber_id, "since": since, "zone": settings().timezone, "most": MOST}
    each = [
        Message(
            row.day, row.alert_id, row.event, row.lane, row.channel, record.shown(row.channel, row.address_sealed),
            _outcome(row.state, row.reason), row.state, row.reason or "",
            reasons.sentence(row.reason) if row.reason else "",
        )
        for row in s.execute(text(_MESSAGES), given)
    ]  # fmt: skip
    serving.note(s, now, by, "find", subscriber_id)
    of_day: dict[date, Counter[str]] = {}
    for one in each:
        of_day.setdefault(one.day, Counter())[one.outcome] += 1
    return Month(
        since,
        message_load.of_resident(s, subscriber_id, since),
        dict(Counter(one.outcome for one in each)),
        [Day(day, dict(counts)) for day, counts in of_day.items()],
        each,
    )


def _outcome(state: str, reason: str | None) -> Outcome:
    return "merged" if reason == MERGED else OUTCOMES[state]


# An alert that ended before this month has no message in it: an index finds the others.
_MESSAGES = f"""
    SELECT (at AT TIME ZONE CAST(:zone AS text))::date AS day, alert_id, event, lane, channel, address_sealed, state,
           reason
      FROM (SELECT a.id AS alert_id, a.event, a.lane::text AS lane, c.channel, c.address_sealed, d.id,
                   d.state::text AS state, d.reason, coalesce(d.sent_at, d.settled_at, a.launched_at) AS at
              FROM subscribers r JOIN contacts c ON c.subscriber_id = r.id
              CROSS JOIN (SELECT id, event, lane, launched_at FROM alerts
                           WHERE status <> 'Exercise' AND launched_at IS NOT NULL AND expires_at > :since) AS a
              JOIN deliveries d ON (d.alert_id, d.contact_id) = (a.id, c.id)
             WHERE r.id = :id AND {record.IS_THEIRS}) AS found
     WHERE at >= :since OR state IN ('queued', 'held')
     ORDER BY at DESC, alert_id DESC, id LIMIT :most
"""  # noqa: S608  a constant of ours
