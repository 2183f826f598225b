"""What an area has been told: the alerts in force that reach it or a part of it, so that a new one fits to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts import listing
from notify.core import states
from notify.models import Alert
from zones.geometry import from_wkb, share

MOST = 50  # areas that are compared, the newest first
PART, WHOLE = 0.01, 0.99  # of the area: neighbours touch at their border, and drawn borders are never quite the same


class Told(NamedTuple):
    """The newest alert of an incident in force. `whole`: it reaches all of the area."""

    id: int
    event: str
    phase: str
    place: str  # in the reader's language
    launched_at: datetime
    whole: bool


def there(s: Session, shape: BaseGeometry, now: datetime, but_incident: int | None = None) -> Sequence[Told]:
    """Return what an area (WGS 84) has been told, the newest first, without exercises and tests."""
    rows = s.scalars(
        select(Alert)
        .where(
            Alert.state.in_(states.IN_FORCE),
            Alert.expires_at > now,
            Alert.status == "Actual",
            Alert.area.is_not(None),
            Alert.incident_id.is_distinct_from(but_incident),
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
        .limit(MOST)
    )
    seen, found = set[int](), []
    for one in rows:
        part = share(shape, from_wkb(one.area or b"")) if one.incident_id not in seen else 0.0
        if part >= PART and one.launched_at is not None:
            seen.add(one.incident_id)
            found.append(Told(one.id, one.event, one.phase, listing.place(one), one.launched_at, part >= WHOLE))
    return found
