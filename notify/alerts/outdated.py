"""Words that a later alert of the incident has overtaken: they are not sent, or danger would follow its all-clear."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.models import Alert
from notify.models.states import AlertState
from zones.geometry import from_wkb, share

INCIDENT_LOCK = 7462  # first key of the advisory lock; the second one is the incident
TOUCHED = 0.001  # the part of an area that another one may have, too: neighbours share a border


def require_current(s: Session, alert: Alert) -> None:
    """Raise Refused when a later alert replaces the one that this alert follows, or an all-clear was launched since
    this alert was written. The incident is locked: of two launches the second one finds the first.

    An all-clear itself can always go out. So can an alert written after the all-clear, and one to another area.
    """
    s.execute(
        text("SELECT pg_advisory_xact_lock(:lock, CAST(:incident AS integer))"),
        {"lock": INCIDENT_LOCK, "incident": alert.incident_id},
    )
    again = _("It does not go out. Cancel it and, if it is still true, write it again.")
    if alert.follows is not None and replaced(s, s.get_one(Alert, alert.follows)):
        raise Refused(
            _(
                "A later alert replaces alert %(first)s, which alert %(alert)s follows.",
                first=alert.follows,
                alert=alert.id,
            ),
            hint=again,
        )
    clear = _all_clear_since(s, alert)
    if clear is not None:
        raise Refused(
            _("All-clear %(clear)s was launched after alert %(alert)s was written.", clear=clear, alert=alert.id),
            hint=again,
        )


def replaced(s: Session, alert: Alert) -> bool:
    """Whether a later alert of the incident was launched, such as an all-clear. A follow-up has the same words."""
    later = select(Alert.id).where(
        Alert.incident_id == alert.incident_id,
        Alert.status == alert.status,
        Alert.launched_at > alert.launched_at,
        Alert.state != AlertState.CANCELLED,
        Alert.id != alert.id,
        Alert.follows.is_distinct_from(alert.id),
    )
    return s.scalar(later.limit(1)) is not None


def _all_clear_since(s: Session, alert: Alert) -> int | None:
    """The all-clear to a part of the alert's area that was launched after it was written, unless danger has been
    announced again since."""
    if alert.phase == "all-clear" or alert.area is None:
        return None
    area = from_wkb(alert.area)
    newest_first = s.execute(
        select(Alert.id, Alert.phase, Alert.area)
        .where(
            Alert.incident_id == alert.incident_id,
            Alert.status == alert.status,
            Alert.launched_at > alert.created_at,
            Alert.state != AlertState.CANCELLED,
            Alert.id != alert.id,
            Alert.area.is_not(None),
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
    ).all()
    for row in newest_first:
        if row.phase != "all-clear":
            return None
        if share(area, from_wkb(row.area)) > TOUCHED:
            return int(row.id)
    return None
