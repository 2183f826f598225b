"""The outages that are kept: those in force, and what residents were told of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shapely.geometry.base import BaseGeometry
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from notify.models import Outage
from notify.service311.outages.steps import State
from zones.geometry import readable_areas

LISTENS = timedelta(hours=24)  # after it was restored, "still out?" is answered for so long


@dataclass(frozen=True, slots=True)
class InForce:
    """An outage. `area`: WGS 84. `restored_at`: None while service is out."""

    id: int
    incident_id: int
    utility: str
    area: BaseGeometry
    state: State
    restored_at: datetime | None


def in_force(s: Session, now: datetime) -> Sequence[InForce]:
    """Return the outages in which service is out, and those that were restored within LISTENS: who is still without
    service may say so. The newest first. One whose area cannot be read is left out."""
    rows = s.scalars(
        select(Outage)
        .where(
            or_(
                Outage.state == State.OUT,
                and_(Outage.state == State.RESTORED, Outage.restored_at > now - LISTENS),
            )
        )
        .order_by(Outage.id.desc())
    ).all()
    areas = readable_areas(row.area for row in rows)
    return [
        InForce(row.id, row.incident_id, row.utility, areas[row.area], State(row.state), row.restored_at)
        for row in rows
        if row.area in areas
    ]
