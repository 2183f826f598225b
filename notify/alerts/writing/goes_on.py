"""What the next alert of an incident goes on from, and where that still holds.

It is the latest alert; but after an all-clear to a part of the area it is the danger that holds in the rest, so that
an update plays it down to nobody. An all-clear goes on from all danger that still holds. What is over somewhere, or was
said anew, is not said there again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from notify.alerts import incidents
from notify.models import Alert, Standing
from zones.geometry import readable_areas, usable


@dataclass(frozen=True, slots=True)
class GoesOn:
    """`alert`: whose words go on. `holds`: the alerts in whose area that is to be heard, the first is that one. `area`:
    where they hold, and `zones` the names of their zones there; None: in all of the area of the alert. `cleared`: the
    all-clears to a part of it, the oldest first."""

    alert: Alert
    holds: Sequence[Alert]
    area: BaseGeometry | None = None
    zones: Sequence[str] = ()
    cleared: Sequence[Alert] = ()

    @property
    def shape(self) -> BaseGeometry:
        """Where they hold. Raises ZoneError when the area of the alert is damaged."""
        return usable(self.alert.area or b"") if self.area is None else self.area


def find(s: Session, incident: int, phase: str, status: str, *, corrects: bool = False, but: int = 0) -> GoesOn | None:
    """Return what an alert of this phase and status goes on from, None in an incident without alerts. A correction of
    an all-clear goes on from that. `but`: an alert that does not count."""
    last = incidents.latest(s, incident, status, but)
    if last is None:
        return None
    if "all-clear" not in (phase, last.phase):
        return _where(s, [last], but)
    if corrects and phase == "all-clear":
        return GoesOn(last, [last])
    holding = [number for number in incidents.still_true(s, incident, last.status) if number != but]
    first = s.get_one(Alert, holding[0]) if holding and last.phase == "all-clear" else last
    others = [number for number in holding if number != first.id] if phase == "all-clear" else []
    return _where(s, [first, *_alerts(s, others)], but)


def _where(s: Session, holds: Sequence[Alert], but: int) -> GoesOn:
    standings = s.scalars(select(Standing).where(Standing.alert_id.in_([one.id for one in holds])))
    left = {one.alert_id: one for one in standings if one.left_area}
    if len(holds) == 1 and not left:
        return GoesOn(holds[0], holds)
    shapes = [left[one.id].left_area if one.id in left else one.area for one in holds]
    zones = [name for one in holds for name in (left[one.id].left_in if one.id in left else _zones(one)) or ()]
    area = shapely.union_all([*readable_areas(shape for shape in shapes if shape is not None).values()])
    return GoesOn(holds[0], holds, area, list(dict.fromkeys(zones)), _cleared(s, holds[0], but))


def _alerts(s: Session, numbers: Sequence[int]) -> Sequence[Alert]:
    """The newest first."""
    return s.scalars(
        select(Alert).where(Alert.id.in_(numbers)).order_by(Alert.launched_at.desc(), Alert.id.desc())
    ).all()


def _zones(alert: Alert) -> list[str]:
    return [alert.area_description]


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
