"""Words that a later alert of the incident has overtaken: they are not sent, or danger would follow its all-clear."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts import operator_letters, standing
from notify.alerts.standing import Spoken
from notify.core import alarms, states
from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.models import Alert, Operator
from notify.models.states import AlertState
from zones.geometry import readable_areas


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


def require_days(s: Session, alert_id: int) -> None:
    """Raise Refused for a notice of collections that was not held against the newest edition of the calendars yet."""
    if s.execute(text(_BEHIND), {"alert": alert_id}).scalar_one():
        raise Refused(
            _("The collection days were published anew since alert %(alert)s was written.", alert=alert_id),
            hint=_(
                "It is compared with them. Try again in a few seconds; if it is cancelled, publish the notice anew."
            ),
        )


_BEHIND = """
    SELECT EXISTS (SELECT FROM collection_notices
                    WHERE alert_id = :alert AND edition < (SELECT max(number) FROM collection_editions))
"""


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


def stop(s: Session, incident_id: int, status: str, now: datetime) -> list[int]:
    """Cancel what is still being sent of danger in an incident that all-clears have ended in all of its area; return
    the alerts. The incident is locked, and its standings are worked out.

    One that is locked at this moment is left to the next call: whoever holds it may wait for our caller's incident.
    """
    found = s.execute(
        text(f"{ENDED} AND a.incident_id = :incident AND a.status = :status FOR NO KEY UPDATE OF a SKIP LOCKED"),
        {"incident": incident_id, "status": status},
    ).all()
    for row in found:
        _cancel(s, row.id, row.ended_by, now)
    stopped = [row.id for row in found]
    if stopped:
        standing.renew(s, incident_id, status, stopped)
    return stopped


# An all-clear to a part ends nothing, because the others are still in danger.
ENDED = """
    SELECT a.id, a.incident_id, a.status, t.ended_by FROM alerts a JOIN standings t ON t.alert_id = a.id
     WHERE a.state IN ('sending', 'paused') AND t.ended_by IS NOT NULL
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
    """The last alert of the incident that was launched later, such as an all-clear, and goes to a part of this alert's
    area or all of it. A follow-up has the same words."""
    if alert.launched_at is None:
        return None
    return next((word.id for word in _words(s, alert, alert.launched_at)), None)


def _all_clear_since(s: Session, alert: Alert) -> int | None:
    """The all-clear to a part of the alert's area that was launched after it was written, unless danger has been
    announced again since, in that part."""
    if alert.phase == "all-clear":
        return None
    return next((word.id for word in _words(s, alert, alert.written_after) if word.clear), None)


def _words(s: Session, alert: Alert, since: datetime | None) -> Sequence[Spoken]:
    """What was launched since that launch, or ever, and has the last word in the alert's area or in a part of it, the
    newest first."""
    later = [one for one in standing.said(s, alert.incident_id, alert.status, since) if one.id != alert.id]
    own = readable_areas([alert.area] if later and alert.area is not None else [])
    # One that was cancelled after its launch counts if somebody may have read it.
    return [
        word
        for area in own.values()
        for word in standing.left(Spoken(alert.id, clear=False, speaks=True, area=area), standing.heard(later)).words
    ]
