"""What an area has been told: the alerts in force that reach it or a part of it, so that a new one fits to them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify.alerts import listing
from notify.core import states
from notify.models import Alert, Standing
from zones.geometry import readable_areas
from zones.overlaps import share

MOST = 50  # areas that are compared, the newest first
PART, WHOLE = 0.01, 0.99  # of the area: neighbours touch at their border, and drawn borders are never quite the same


class Told(NamedTuple):
    """An alert in force, where no later one of its incident speaks. `whole`: it reaches all of the area."""

    id: int
    event: str
    phase: str
    blanks: Mapping[str, Any]
    place: str  # in the reader's language
    launched_at: datetime
    whole: bool


def there(s: Session, shape: BaseGeometry, now: datetime, but_incident: int | None = None) -> Sequence[Told]:
    """Return what an area (WGS 84) has been told, the newest first, without exercises and tests.

    A follow-up repeats another alert: it is left out while that one is there.
    """
    left = func.coalesce(Standing.left_area, Alert.area).label("left")
    rows = s.execute(
        select(Alert.id, Alert.event, Alert.phase, Alert.blanks, Alert.area_names, Alert.area_description,
               Alert.launched_at, Alert.follows, left)
        .outerjoin(Standing, Standing.alert_id == Alert.id)
        .where(
            Alert.state.in_(states.IN_FORCE),
            Alert.expires_at > now,
            Alert.status == "Actual",
            Alert.area.is_not(None),
            Standing.alert_id.is_(None) | Standing.left_area.is_not(None),  # otherwise nothing is left of it
            Alert.incident_id.is_distinct_from(but_incident),
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
        .limit(MOST)
    ).all()  # fmt: skip
    areas = readable_areas(row.left for row in rows)
    parts = {row.id: share(shape, areas[row.left]) for row in rows if row.left in areas}
    reaching = {number: part for number, part in parts.items() if part >= PART}
    return [
        Told(row.id, row.event, row.phase, row.blanks, listing.place(row), row.launched_at, reaching[row.id] >= WHOLE)
        for row in rows
        if row.id in reaching and row.follows not in reaching
    ]
