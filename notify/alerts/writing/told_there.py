"""What an area has been told: the alerts in force that reach it or a part of it, so that a new one fits to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts import listing
from notify.core import states
from notify.models import Alert
from notify.models.states import AlertState
from zones.geometry import from_wkb, share

MOST = 50  # areas that are compared, the newest first
PART, WHOLE = 0.01, 0.99  # of the area: neighbours touch at their border, and drawn borders are never quite the same


class Told(NamedTuple):
    """An alert in force, where no later one of its incident speaks. `whole`: it reaches all of the area."""

    id: int
    event: str
    phase: str
    place: str  # in the reader's language
    launched_at: datetime
    whole: bool


def there(s: Session, shape: BaseGeometry, now: datetime, but_incident: int | None = None) -> Sequence[Told]:
    """Return what an area (WGS 84) has been told, the newest first, without exercises and tests.

    All-clears that are over tell nobody anything, but what they ended stays ended.
    """
    holds = Alert.state.in_(states.IN_FORCE) & (Alert.expires_at > now) & (Alert.status == "Actual")
    ended = (Alert.phase == "all-clear") & Alert.launched_at.is_not(None) & (Alert.state != AlertState.CANCELLED)
    rows = s.scalars(
        select(Alert)
        .where(
            holds | (ended & Alert.incident_id.in_(select(Alert.incident_id).where(holds))),
            Alert.status == "Actual",
            Alert.area.is_not(None),
            Alert.incident_id.is_distinct_from(but_incident),
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
        .limit(MOST)
    )
    spoken: dict[int, BaseGeometry] = {}  # by incident
    found = []
    for one in rows:
        area, later = from_wkb(one.area or b""), spoken.get(one.incident_id, shapely.Polygon())
        part = share(shape, shapely.difference(area, later))
        spoken[one.incident_id] = shapely.union(later, area)
        if part >= PART and one.launched_at is not None and one.state in states.IN_FORCE and one.expires_at > now:
            found.append(Told(one.id, one.event, one.phase, listing.place(one), one.launched_at, part >= WHOLE))
    return found
