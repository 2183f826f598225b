"""Whether the messages of an alert have left: what quiet hours hold is not sent, whatever time its launch had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import quiet_time
from notify.core.settings import settings
from notify.core.states import IN_FORCE
from notify.models import Alert, Lane
from notify.models.states import AlertState


@dataclass(frozen=True, slots=True)
class Held:
    """Messages to residents that wait. `until`: when the first of them go out; None if the alert expires before.
    `is_all`: none has left; posts on timelines do not count. `in_digests`: all of them wait for their residents'
    digests, and none for the end of quiet hours. `is_over`: the alert has ended, or they were stopped: they will never
    go out."""

    until: datetime | None
    is_all: bool
    in_digests: bool = False
    is_over: bool = False


def held(s: Session, alerts: Sequence[Alert], now: datetime) -> Mapping[int, Held]:
    """Return what waits of these alerts, by their ids; one without an entry has sent what it could. A planned one waits
    from its launch, if that is in the city's quiet hours."""
    open_ = [one.id for one in alerts if one.state in IN_FORCE and one.expires_at > now and one.lane is Lane.ROUTINE]
    rows = s.execute(text(_HELD), {"alerts": open_}).all() if open_ else ()
    found = {row.alert_id: Held(row.until, not row.left_already, row.in_digests) for row in rows}
    stopped = [one for one in alerts if one.launched_at and (one.expires_at <= now or one.withdrawn is not None)]
    ended = [one.id for one in stopped if one.id not in found]
    if ended:
        found |= {row.id: Held(None, True, is_over=True) for row in s.execute(text(_UNSENT), {"alerts": ended})}
    for one in alerts:
        if one.state in _PLANNED and (until := _morning_after(one)) is not None:
            found[one.id] = Held(until if until < one.expires_at else None, True)
    return found


def _morning_after(planned: Alert) -> datetime | None:
    if planned.launch_at is None or planned.lane is not Lane.ROUTINE:
        return None
    return quiet_time.until(planned.launch_at, settings().quiet, settings().tz)


_PLANNED = (AlertState.APPROVED, AlertState.SCHEDULED)
# Those that wait for the fate of a later alert are due already: they go out within a minute, or never.
_HELD = """
    SELECT b.alert_id, min(b.held_until) FILTER (WHERE b.held_until < a.expires_at) AS until,
           bool_and(b.digest) AS in_digests,
           EXISTS (SELECT FROM batches o JOIN deliveries d ON d.batch_id = o.id JOIN contacts c ON c.id = d.contact_id
                    WHERE o.alert_id = b.alert_id AND o.state <> 'held' AND d.sent_at IS NOT NULL
                      AND c.subscriber_id IS NOT NULL) AS left_already
      FROM batches b JOIN alerts a ON a.id = b.alert_id
     WHERE b.alert_id = ANY(:alerts) AND b.state = 'held' AND b.size > 0 GROUP BY b.alert_id
"""
# In this order, so that of an alert that went out one row is read.
_UNSENT = """
    SELECT x.id FROM unnest(CAST(:alerts AS bigint[])) AS x (id)
     WHERE CASE WHEN NOT EXISTS (SELECT FROM deliveries d JOIN contacts c ON c.id = d.contact_id
                                  WHERE d.alert_id = x.id AND d.sent_at IS NOT NULL AND c.subscriber_id IS NOT NULL)
                THEN EXISTS (SELECT FROM deliveries d
                              WHERE d.alert_id = x.id AND d.state IN ('held', 'queued', 'expired', 'cancelled'))
           END
"""
