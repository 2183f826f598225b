"""Words that a later alert of the incident has overtaken: they are not sent, or danger would follow its all-clear."""

from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import exists, or_, select, text
from sqlalchemy.orm import Session

from notify.alerts import operator_letters, standing
from notify.core import alarms, states
from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.models import Alert, Delivery, Operator
from notify.models.states import AlertState
from zones.geometry import from_wkb, share

TOUCHED = 0.001  # the part of an area that another one may have, too: neighbours share a border


class Overtaken(Refused):
    """A refusal to send words that a later alert has overtaken."""

    def __init__(self, message: str, later: int) -> None:
        super().__init__(message, hint=_("It does not go out. Cancel it and, if it is still true, write it again."))
        self.later = later


def require_current(s: Session, alert: Alert) -> None:
    """Raise Overtaken when a later alert replaces the one that this alert follows, or an all-clear was launched since
    this alert was written. The incident is locked: of two launches the second one finds the first.

    An all-clear itself can always go out. So can an alert written after the all-clear, and one to another area.
    """
    standing.lock(s, alert.incident_id)
    later = replaced_by(s, s.get_one(Alert, alert.follows)) if alert.follows is not None else None
    if later is not None:
        raise Overtaken(
            _(
                "A later alert replaces alert %(first)s, which alert %(alert)s follows.",
                first=alert.follows,
                alert=alert.id,
            ),
            later,
        )
    clear = _all_clear_since(s, alert)
    if clear is not None:
        raise Overtaken(
            _("All-clear %(clear)s was launched after alert %(alert)s was written.", clear=clear, alert=alert.id), clear
        )


def cancel(s: Session, alert: Alert, later: int, now: datetime) -> None:
    """Cancel a scheduled alert that a later one has overtaken: an alarm rings, and its author is written to."""
    reason = _cancel(s, alert.id, later, now)
    message = f"Alert {alert.id} ({alert.event}) was not launched at its time and is cancelled: {reason}."
    alarms.sound(s, alarms.OVERTAKEN, message, now, alert_id=alert.id)
    author = s.get_one(Operator, alert.created_by)
    if author.disabled_at is None:
        more = {"later": str(later)}
        operator_letters.write(
            s, "overtaken", alert, [author], 1, now, author=author.email, more=lambda _language: more
        )


def stop(s: Session, now: datetime) -> list[int]:
    """Cancel what is still being sent of danger that an all-clear to all of its area has ended; return the alerts.

    One that is locked at this moment is left to the next call: whoever holds it may wait for our caller's incident.
    An all-clear to a part ends nothing, because the others are still in danger.
    """
    found = s.execute(text(f"{ENDED} FOR NO KEY UPDATE OF a SKIP LOCKED")).all()
    for row in found:
        _cancel(s, row.id, row.clear, now)
    for incident, status in {(row.incident_id, row.status) for row in found}:
        standing.renew(s, incident, status)
    return [row.id for row in found]


ENDED = """
    SELECT a.id, a.incident_id, a.status, c.id AS clear FROM alerts a JOIN LATERAL (
        SELECT c.id FROM alerts c
         WHERE c.incident_id = a.incident_id AND c.phase = 'all-clear' AND c.status = a.status
           AND c.launched_at > a.launched_at AND c.state <> 'cancelled' AND a.id = ANY (c.told_before)
         ORDER BY c.id LIMIT 1) c ON true
     WHERE a.state IN ('sending', 'paused') AND a.phase <> 'all-clear'
"""


def _cancel(s: Session, alert_id: int, later: int, now: datetime) -> str:
    """Return the reason that is recorded."""
    reason = f"overtaken by alert {later}"
    states.move_alert(
        s,
        alert_id,
        AlertState.CANCELLED,
        now=now,
        by=None,
        action="cancel-overtaken",
        detail={"reason": reason},
        finished_at=now,
    )
    return reason


def replaced_by(s: Session, alert: Alert) -> int | None:
    """The last alert of the incident that was launched later, such as an all-clear. A follow-up has the same words."""
    later = select(Alert.id).where(
        Alert.incident_id == alert.incident_id,
        Alert.status == alert.status,
        Alert.launched_at > alert.launched_at,
        _WAS_SENT,
        Alert.id != alert.id,
        Alert.follows.is_distinct_from(alert.id),
    )
    return s.scalar(later.order_by(Alert.launched_at.desc(), Alert.id.desc()).limit(1))


def _all_clear_since(s: Session, alert: Alert) -> int | None:
    """The all-clear to a part of the alert's area that was launched after it was written, unless danger has been
    announced again since, in that part."""
    if alert.phase == "all-clear" or alert.area is None:
        return None
    area = from_wkb(alert.area)
    newest_first = s.execute(
        select(Alert.id, Alert.phase, Alert.area)
        .where(
            Alert.incident_id == alert.incident_id,
            Alert.status == alert.status,
            Alert.launched_at > alert.created_at,
            _WAS_SENT,
            Alert.id != alert.id,
            Alert.area.is_not(None),
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
    ).all()
    again: BaseGeometry = shapely.Polygon()  # where danger has been announced again
    for row in newest_first:
        if row.phase != "all-clear":
            again = shapely.union(again, from_wkb(row.area))
        elif share(area, shapely.difference(from_wkb(row.area), again)) > TOUCHED:
            return int(row.id)
    return None


# One that was cancelled after its launch counts if somebody may have read it.
_WAS_SENT = or_(
    Alert.state != AlertState.CANCELLED,
    exists().where(Delivery.alert_id == Alert.id, Delivery.state.not_in(states.HELD_BACK)),
)
