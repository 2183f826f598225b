"""Whether an update or all-clear leaves out a part of the area of the alert before it."""

from dataclasses import dataclass
from datetime import datetime

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from notify.alerts import incidents
from notify.alerts.writing import told_before
from notify.audience.live_count import live_count
from notify.models import Topic
from zones.geometry import from_wkb
from zones.membership import Membership


@dataclass(frozen=True, slots=True)
class Replaced:
    """The alert whose area is left out in part."""

    id: int
    topic: Topic
    shape: BaseGeometry

    def residents(self, now: datetime) -> int:
        """Count those in its area now. Opens a transaction of its own."""
        return live_count().count(Membership(self.shape), self.topic.value, (), now).residents


def find(s: Session, incident: int | None, area: BaseGeometry, but: int = 0) -> Replaced | None:
    """Return the last launched alert of the incident if this area leaves out a part of its own. `but`: one that does
    not count."""
    last = incidents.latest(s, incident, but) if incident is not None else None
    if last is None or last.launched_at is None or last.area is None:
        return None
    shape = from_wkb(last.area)
    return None if told_before.covers(area, shape) else Replaced(last.id, last.topic, shape)
