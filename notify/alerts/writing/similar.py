"""Find alerts of the last hours that are like another: the same event in an overlapping area.

Two people who write about one danger make two incidents, and residents get two messages that do not know of each
other. An update of the first is nearly always better.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.listing import place
from notify.models import Alert
from notify.models.states import AlertState
from zones.geometry import Area, from_wkb
from zones.overlaps import share

WITHIN = timedelta(hours=12)
MOST = 3  # shown
READ = 30  # areas that are compared, the newest first
LEAST_SHARED = 0.01  # of the smaller area: neighbours touch at their border


@dataclass(frozen=True, slots=True)
class Similar:
    """The newest alert of another incident that is like the one asked about."""

    id: int
    incident: int
    state: AlertState
    phase: str
    area_description: str
    place: str  # the same in the reader's language
    created_at: datetime
    launched_at: datetime | None
    expires_at: datetime


def similar(s: Session, alert: Alert, now: datetime) -> list[Similar]:
    """Return the alerts of other incidents like this one, the newest first. Nothing is like an exercise."""
    if alert.status == "Exercise" or alert.area is None:
        return []
    rows = s.execute(
        select(Alert)
        .where(
            Alert.event == alert.event,
            Alert.created_at > now - WITHIN,
            Alert.incident_id != alert.incident_id,
            Alert.status == alert.status,
            Alert.state != AlertState.CANCELLED,
            Alert.phase != "all-clear",
            Alert.area.is_not(None),
        )
        .order_by(Alert.created_at.desc(), Alert.id.desc())
        .limit(READ)
    ).scalars()
    area = from_wkb(alert.area)
    found: dict[int, Similar] = {}
    for one in rows:
        if one.incident_id not in found and len(found) < MOST and _overlap(area, one):
            found[one.incident_id] = Similar(
                one.id, one.incident_id, one.state, one.phase, one.area_description, place(one), one.created_at,
                one.launched_at, one.expires_at,
            )  # fmt: skip
    return list(found.values())


def _overlap(area: Area, other: Alert) -> bool:
    if other.area is None:
        return False
    smaller, larger = sorted((area, from_wkb(other.area)), key=lambda one: one.area)
    return share(smaller, larger) > LEAST_SHARED
