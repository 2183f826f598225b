"""What holds at a caller's address, or in the whole city: alerts with the words that residents got, collection days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Literal

import numpy as np
from shapely import Point
from shapely.geometry.base import BaseGeometry
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, defer

from notify import audience
from notify.alerts.writing import wordings
from notify.audience import Places
from notify.audience.wordings import GENERAL
from notify.channels.channel import CHANNELS
from notify.city import basemap
from notify.core.settings import settings
from notify.core.states import IN_FORCE
from notify.models import Alert, Standing, StoredContent, Zone
from notify.models.states import AlertState
from notify.service311 import calendars
from notify.service311.calendars import Calendar
from notify.service311.desk import day_lines, departures
from notify.service311.desk.day_lines import DayLine
from notify.service311.desk.departures import Held
from zones.geometry import readable_areas
from zones.overlaps import meet

Stands = Literal["active", "untrue", "replaced", "over", "planned"]
MOST = 20  # alerts of one address or zone


@dataclass(frozen=True, slots=True)
class Told:
    """An alert of yesterday, today or tomorrow. `words`: what residents got, or will, by channel and language; at a
    point only those for who lives there. `parts`: who reads a wording, by its number; empty if all read the same.
    `held`: what of it has not been sent yet; None for nothing. What is `untrue` is not true any more where it is asked
    for, or in some of its area, and no other alert says yet what is. `first`: the wording that is shown before others:
    in a zone that of who lives in its middle."""

    alert: Alert
    stands: Stands
    words: Sequence[StoredContent]
    parts: Mapping[int, str]
    held: Held | None = None
    first: int = GENERAL

    @property
    def own(self) -> Sequence[StoredContent]:
        return [one for one in self.words if one.wording == self.first]

    @property
    def others(self) -> Sequence[StoredContent]:
        return [one for one in self.words if one.wording != self.first]


@dataclass(frozen=True, slots=True)
class Here:
    """`zones`: id, name and kind. `lines`: one for each stream. `unsure`: streams whose day is not known for sure."""

    zones: Sequence[tuple[int, str, str]]
    alerts: Sequence[Told]
    lines: Sequence[DayLine]
    unsure: Sequence[str]
    edition: int


def at(s: Session, lon: float, lat: float, now: datetime, label: str = "") -> Here:
    """Return what holds at a point, in degrees. `label`: the address that was confirmed."""
    zones = basemap.zones_now(s, basemap.current(s))
    there = [zones.about[row] for row in sorted(zones.tree.query(Point(lon, lat), predicate="intersects").tolist())]
    calendar = calendars.of_place(s, lon, lat, now, label, zones)
    named = [(int(one["id"]), str(one["name"]), str(one["kind"])) for one in there]
    return _here(named, alerts(s, now, (lon, lat)), calendar, now)


def in_zone(s: Session, zone_id: int, now: datetime) -> Here | None:
    """Return what holds in a zone; None if there is none with this id now. An alert for a part of it is shown, too."""
    zones = basemap.zones_now(s, basemap.current(s))
    row = next((row for row, one in enumerate(zones.about) if one["id"] == zone_id), None)
    if row is None:
        return None
    about = zones.about[row]
    calendar = calendars.of_zone(s, s.get_one(Zone, zone_id), now) if about["kind"] == calendars.KIND else None
    shape = zones.tree.geometries[row]
    found = [told for told in alerts(s, now) if told.alert.area is not None]
    areas = readable_areas({told.alert.area for told in found if told.alert.area is not None})
    met = [
        told if told.stands not in ("active", "untrue") else replace(told, stands=_stands_in(s, told.alert, shape))
        for told in found
        if told.alert.area in areas and areas[told.alert.area].intersection(shape).area > 0
    ]
    middle = shape.representative_point()
    theirs = _wordings_at(s, [told.alert.id for told in met if told.parts], (middle.x, middle.y), now)
    met = [replace(told, first=theirs.get(told.alert.id, told.first)) for told in met]
    return _here([(zone_id, str(about["name"]), str(about["kind"]))], met, calendar, now)


def _here(
    zones: Sequence[tuple[int, str, str]], told: Sequence[Told], calendar: Calendar | None, now: datetime
) -> Here:
    if calendar is None:
        return Here(zones, told[:MOST], (), (), 0)
    made = day_lines.lines(calendar.collections, now.astimezone(settings().tz))
    return Here(zones, told[:MOST], made, calendar.unsure, calendar.edition.number)


def alerts(s: Session, now: datetime, point: tuple[float, float] | None = None) -> list[Told]:
    """Return the alerts in force, those launched since yesterday and those planned until the end of tomorrow, the
    newest first; at a point, or all."""
    zone = settings().tz
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    since, until = midnight - timedelta(days=1), midnight + timedelta(days=2)
    waiting = Alert.state.in_((AlertState.APPROVED, AlertState.SCHEDULED))
    planned = and_(waiting, Alert.launch_at.between(since, until))
    asked = (
        select(Alert, Standing)
        .outerjoin(Standing, Standing.alert_id == Alert.id)
        .where(
            Alert.status == "Actual",
            Alert.area.is_not(None),
            or_(
                and_(Alert.state.in_(IN_FORCE), Alert.expires_at > now),
                and_(Alert.launched_at >= since, Alert.state != AlertState.CANCELLED),
                planned,
            ),
        )
        .order_by(Alert.launched_at.desc().nulls_first(), Alert.id.desc())
    )
    found: list[tuple[Alert, Standing | None]] = [(row.Alert, row.Standing) for row in s.execute(asked)]
    if point is not None:
        found = _there(found, point)
    return _all_told(s, found, now, point)


def one(s: Session, alert_id: int, now: datetime) -> Told | None:
    """Return an alert by its code, however old."""
    row = s.execute(
        select(Alert, Standing).outerjoin(Standing, Standing.alert_id == Alert.id).where(Alert.id == alert_id)
    ).first()
    return _all_told(s, [(row.Alert, row.Standing)], now)[0] if row is not None else None


def _all_told(
    s: Session,
    found: Sequence[tuple[Alert, Standing | None]],
    now: datetime,
    point: tuple[float, float] | None = None,
) -> list[Told]:
    """Return these alerts with their words; at a point only with those that somebody with one place there reads."""
    words = _words(s, [alert.id for alert, _standing in found])
    several = [alert for alert, of_it in words.items() if any(one.wording for one in of_it)]
    labels = wordings.labels_of(s, several) if point is None else {}
    theirs = _wordings_at(s, several, point, now) if point is not None else {}
    held = departures.held(s, [alert for alert, _standing in found], now)
    return [
        Told(
            alert,
            _stands(alert, standing, now, Point(*point) if point else None),
            (read := [one for one in words.get(alert.id, ()) if one.wording == theirs.get(alert.id, one.wording)]),
            labels.get(alert.id, {}),
            held.get(alert.id),
            read[0].wording if read else GENERAL,
        )
        for alert, standing in found
    ]


def _wordings_at(s: Session, alerts: Sequence[int], point: tuple[float, float], now: datetime) -> Mapping[int, int]:
    """Return the wording of each alert that somebody with one place, at this point, reads."""
    stored = audience.read_all_wordings(s, alerts, now)
    who = np.array([1], dtype=np.int64)
    there = Places(who, np.array([point[0]]), np.array([point[1]]), np.zeros(1, dtype=np.float32))
    return {
        alert: stored[alert].readers(who, there).wordings_of([1])[0] if alert in stored else GENERAL for alert in alerts
    }


def _there(
    found: Iterable[tuple[Alert, Standing | None]], point: tuple[float, float]
) -> list[tuple[Alert, Standing | None]]:
    """Leave those whose area has the point. One that later alerts took a part of counts where it was sent."""
    rows = list(found)
    areas = readable_areas({alert.area for alert, _standing in rows if alert.area is not None})
    at_point = Point(*point)
    return [row for row in rows if row[0].area in areas and areas[row[0].area].intersects(at_point)]


def _stands(alert: Alert, standing: Standing | None, now: datetime, where: BaseGeometry | None = None) -> Stands:
    if alert.launched_at is None:
        return "planned"
    if alert.expires_at <= now or alert.state not in IN_FORCE or (standing and standing.ended_by):
        return "over"
    if standing is None:
        return "active"
    return "replaced" if standing.superseded_by else _left(alert, standing, where)


def _stands_in(s: Session, alert: Alert, zone: BaseGeometry) -> Stands:
    standing = s.get(Standing, alert.id)
    return _left(alert, standing, zone) if standing else "active"


def _left(alert: Alert, standing: Standing, where: BaseGeometry | None) -> Stands:
    """Return how an alert stands, of which something may be left: at a point or in a zone, or as a whole."""
    if where is None:
        return "untrue" if standing.unsaid else "active"
    areas = readable_areas(one for one in (standing.left_area, alert.withdrawn) if one is not None)
    holds = areas.get(standing.left_area or b"")
    if holds is not None and _meets(holds, where):
        return "active"
    withdrawn = areas.get(alert.withdrawn or b"")
    is_untrue = standing.unsaid and withdrawn is not None and _meets(withdrawn, where)
    return "untrue" if is_untrue else "replaced"


def _meets(area: BaseGeometry, where: BaseGeometry) -> bool:
    return bool(area.intersects(where)) if isinstance(where, Point) else meet(area, where)


def _words(s: Session, alerts: Sequence[int]) -> Mapping[int, Sequence[StoredContent]]:
    asked = select(StoredContent).options(defer(StoredContent.html)).where(StoredContent.alert_id.in_(alerts))
    found: dict[int, list[StoredContent]] = {}
    for one_of_them in s.scalars(asked) if alerts else ():
        found.setdefault(one_of_them.alert_id, []).append(one_of_them)
    channels = list(CHANNELS)  # texts first: they are read to callers. What all others read comes last
    for some in found.values():
        some.sort(key=lambda one: (one.wording == GENERAL, one.wording, one.language, channels.index(one.channel)))
    return found
