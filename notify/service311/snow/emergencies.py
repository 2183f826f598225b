"""Which snow emergency is in force, and what it forbids at a place. An emergency is an alert: it holds from its launch,
until it expires, is cancelled, or an all-clear of its incident covers the place."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shapely import Point
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from notify.core import states
from notify.models import Alert, SnowEmergency
from notify.models.states import AlertState
from notify.service311.snow import rules
from notify.service311.snow.rules import Phase
from zones.geometry import readable_areas

PARKING = "snow-parking"  # the event that Tocsin writes from phases
EVENTS, ALL_CLEAR = ("snow", PARKING), "all-clear"
ENDED_LATELY = timedelta(days=2)  # its all-clear is proposed for that long


@dataclass(frozen=True, slots=True)
class InForce:
    """`phases`: () for an alert about snow that was written without them. `instead`: where cars may stand, by
    language."""

    alert_id: int
    incident_id: int
    phases: tuple[Phase, ...]
    tow_phone: str
    instead: Mapping[str, str]
    ends_at: datetime


def in_force(s: Session, now: datetime, at: tuple[float, float] | None = None) -> InForce | None:
    """Return the snow emergency that was launched last, of those whose area has a place in degrees; None if there is
    none, or an all-clear came after it. An alert about snow without phases takes back nothing of one that has some."""
    rows = s.execute(
        select(Alert, SnowEmergency)
        .outerjoin(SnowEmergency, SnowEmergency.alert_id == Alert.id)
        .where(
            Alert.event.in_(EVENTS),
            Alert.status == "Actual",
            Alert.launched_at.is_not(None),
            Alert.state.in_(states.IN_FORCE),
            or_(Alert.expires_at > now, Alert.phase == ALL_CLEAR),  # an all-clear does not wear off
            Alert.follows.is_(None),
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
    ).all()
    cleared: set[int] = set()
    plain: InForce | None = None
    for alert, emergency in rows:
        if alert.incident_id in cleared or not _covers(alert, at):
            continue
        if alert.phase == ALL_CLEAR:
            cleared.add(alert.incident_id)
            continue
        if emergency is None:
            plain = plain or InForce(alert.id, alert.incident_id, (), "", {}, alert.expires_at)
            continue
        phases = rules.from_json(emergency.phases)
        return InForce(alert.id, alert.incident_id, phases, emergency.tow_phone, emergency.instead, alert.expires_at)
    return plain


def to_clear(s: Session, now: datetime) -> InForce | None:
    """Return the emergency whose last phase has ended lately while nobody has written its all-clear; None if there is
    none, or another one is in force."""
    if in_force(s, now) is not None:
        return None
    row = s.execute(
        select(Alert, SnowEmergency)
        .join(SnowEmergency, SnowEmergency.alert_id == Alert.id)
        .where(
            Alert.status == "Actual",
            Alert.launched_at.is_not(None),
            Alert.state != AlertState.CANCELLED,
            Alert.expires_at.between(now - ENDED_LATELY, now),
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    alert, emergency = row
    given_up = Alert.launched_at.is_(None) & Alert.state.in_((AlertState.CANCELLED, AlertState.EXPIRED))
    all_clear = (Alert.incident_id == alert.incident_id, Alert.phase == ALL_CLEAR, ~given_up)
    if s.scalar(select(Alert.id).where(*all_clear).limit(1)) is not None:
        return None
    phases = rules.from_json(emergency.phases)
    return InForce(alert.id, alert.incident_id, phases, emergency.tow_phone, emergency.instead, alert.expires_at)


def _covers(alert: Alert, at: tuple[float, float] | None) -> bool:
    if at is None or alert.area is None:
        return at is None
    area = readable_areas([alert.area]).get(alert.area)
    return area is not None and bool(area.intersects(Point(at)))


def keep(s: Session, alert_id: int, phases: tuple[Phase, ...], tow_phone: str, instead: Mapping[str, str]) -> None:
    """Store what an alert that was drafted will forbid."""
    rules.check(phases)
    s.add(SnowEmergency(alert_id=alert_id, phases=rules.to_json(phases), tow_phone=tow_phone, instead=dict(instead)))
