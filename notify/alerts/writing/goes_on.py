"""Which alert the next one of an incident goes on from.

It is the latest; but after an all-clear to a part of the area it is the danger that holds in the rest, so that an
update plays it down to nobody, and does not go to where it is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from notify.alerts import incidents
from notify.alerts.writing import told_before
from notify.models import Alert, WorkingDraft
from zones.geometry import from_wkb


@dataclass(frozen=True, slots=True)
class GoesOn:
    """`cleared`: the all-clears to a part of its area, the oldest first."""

    alert: Alert
    cleared: Sequence[Alert] = ()

    @property
    def over(self) -> BaseGeometry:
        """Where it is over. Empty where no all-clear went to a part."""
        return shapely.union_all([from_wkb(one.area) for one in self.cleared if one.area is not None])


def find(s: Session, incident: int, phase: str, *, corrects: bool = False, but: int = 0) -> GoesOn | None:
    """Return what an alert of this phase goes on from, None in an incident without alerts. A correction of an all-clear
    goes on from that. `but`: an alert that does not count."""
    last = incidents.latest(s, incident, but)
    if last is None or last.phase != "all-clear" or (corrects and phase == "all-clear"):
        return GoesOn(last) if last is not None else None
    return _danger(s, incident, but) or GoesOn(last)


def of_draft(s: Session, draft: WorkingDraft) -> GoesOn | None:
    if draft.incident_id is None:
        return None
    return find(s, draft.incident_id, draft.phase, corrects=draft.corrects, but=draft.rewrites or 0)


def _danger(s: Session, incident: int, but: int) -> GoesOn | None:
    """The newest alert that still holds somewhere. One whose area several all-clears cover together does not."""
    for number in incidents.still_true(s, incident):
        alert = s.get_one(Alert, number)
        found = GoesOn(alert, _cleared(s, alert, but))
        if number != but and alert.area is not None and not told_before.covers(found.over, from_wkb(alert.area)):
            return found
    return None


def _cleared(s: Session, alert: Alert, but: int) -> Sequence[Alert]:
    return s.scalars(
        select(Alert)
        .where(
            Alert.incident_id == alert.incident_id,
            Alert.status == alert.status,
            Alert.phase == "all-clear",
            Alert.state != "cancelled",
            Alert.follows.is_(None),
            Alert.id != but,
            tuple_(Alert.launched_at, Alert.id) > (alert.launched_at, alert.id),
        )
        .order_by(Alert.launched_at, Alert.id)
    ).all()
