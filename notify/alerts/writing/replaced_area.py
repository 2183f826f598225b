"""Whether an update or all-clear leaves out a part of the area of the alert before it."""

from dataclasses import dataclass
from datetime import datetime

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from notify.alerts.writing import goes_on, told_before
from notify.audience.everywhere import InCity
from notify.audience.live_count import live_count
from notify.models import Topic


@dataclass(frozen=True, slots=True)
class Replaced:
    """The alert whose area is left out in part."""

    id: int
    topic: Topic
    shape: BaseGeometry
    whole: bool

    def residents(self, now: datetime) -> int:
        """Count those in its area now. Opens a transaction of its own."""
        return live_count().count(InCity(self.shape, whole=self.whole), self.topic.value, (), now).residents


def find(
    s: Session, incident: int | None, phase: str, area: BaseGeometry, *, status: str, corrects: bool, but: int = 0
) -> Replaced | None:
    """Return the launched alert that the next one goes on from, if this area leaves out a part where it holds. `but`:
    one that does not count."""
    found = goes_on.find(s, incident, phase, status, corrects=corrects, but=but) if incident is not None else None
    if found is None or found.alert.launched_at is None or found.alert.area is None:
        return None
    shape = found.shape
    return (
        None
        if told_before.covers(area, shape)
        else Replaced(found.alert.id, found.alert.topic, shape, found.alert.whole_city)
    )
