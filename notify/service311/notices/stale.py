"""Notices that wait while a newer edition is published: they go out only if they are still true.

One that the new edition does not touch is kept for it; any other is cancelled with an alarm, and staff tell it again.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.core import alarms
from notify.models import Alert, CollectionEdition, CollectionNotice
from notify.models.states import AlertState
from notify.service311 import calendars
from notify.service311.notices import due, kept, parts

WAITS = (AlertState.DRAFT, AlertState.APPROVED, AlertState.SCHEDULED)

# Whether there is any: asked often, so it must be cheap.
ANY = """
    SELECT FROM collection_notices n JOIN alerts a ON a.id = n.alert_id
     WHERE a.state IN ('draft', 'approved', 'scheduled')
       AND n.edition < (SELECT max(number) FROM collection_editions)
"""


def settle(s: Session, now: datetime) -> list[int]:
    """Cancel the waiting notices whose days have changed, and return their alerts. No alarm rings for one that a later
    notice of its incident replaces."""
    newest = s.scalar(select(func.max(CollectionEdition.number))) or 0
    rows = s.execute(
        select(CollectionNotice, Alert)
        .join(Alert, Alert.id == CollectionNotice.alert_id)
        .where(Alert.state.in_(WAITS), CollectionNotice.edition < newest)
        .order_by(Alert.incident_id, Alert.id)
    ).all()
    gone = []
    for notice, alert in rows:
        if _still_true(s, notice, newest, now):
            notice.edition = newest
            continue
        lifecycle.cancel(s, alert.id, None, now)
        gone.append(alert.id)
        if not _is_replaced(s, notice):
            message = f"The notice of {notice.subject} was cancelled: edition {newest} has other days."
            alarms.sound(s, alarms.NOTICE_OUTDATED, message, now, alert_id=alert.id)
    return gone


def _still_true(s: Session, notice: CollectionNotice, newest: int, now: datetime) -> bool:
    zones = calendars.zones_with_days(s)
    then, after = (one.collections for one in due.of_editions(s, zones, now, notice.edition, newest))
    if notice.kind == "holiday":
        return not parts.of_correction(then, after, notice.day)
    told = kept.days_of(notice)
    return told.isdisjoint(parts.days_of(parts.of_edit(then, after, min(day for _, day in told))))


def _is_replaced(s: Session, notice: CollectionNotice) -> bool:
    later = (CollectionNotice.incident_id == notice.incident_id, CollectionNotice.id > notice.id)
    return s.scalar(select(CollectionNotice.id).where(*later).limit(1)) is not None
