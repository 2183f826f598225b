"""Which earlier alerts an update, a correction or an all-clear answers: all whose area it covers.

Whoever was sent one of these gets the new alert, too. An all-clear for a part of the area goes to that part only: the
others are still in danger. They are found when it is written, and again when it is approved and launched: others may
have been launched meanwhile.
"""

from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.models import Alert
from zones.geometry import from_wkb, share

LEFT_OUT = 0.001  # the part of an earlier area that may be left out: borders drawn anew are never quite the same


def find(s: Session, incident: int | None, phase: str, status: str, area: BaseGeometry) -> list[int]:
    """Return the launched alerts of the incident with this status that an alert to this area answers."""
    if incident is None or phase == "issue":
        return []
    rows = s.execute(
        select(Alert.id, Alert.area, Alert.area_hash)
        .where(
            Alert.incident_id == incident,
            Alert.status == status,
            Alert.launched_at.is_not(None),
            Alert.area.is_not(None),
        )
        .order_by(Alert.id)
    ).all()
    covered = {row.area_hash: row.area for row in rows}
    covered = {key: wkb for key, wkb in covered.items() if covers(area, from_wkb(wkb))}
    return [row.id for row in rows if row.area_hash in covered]


def again(s: Session, alert: Alert) -> list[int]:
    """Return what `find` returns now for an alert that is not launched yet."""
    if alert.follows is not None or alert.area is None:
        return list(alert.told_before)
    return find(s, alert.incident_id, alert.phase, alert.status, from_wkb(alert.area))


def covers(area: BaseGeometry, earlier: BaseGeometry) -> bool:
    """Return whether an area leaves out nothing of an earlier one."""
    return share(earlier, area) >= 1 - LEFT_OUT
