"""Which zones the alerts in force reach, and which ones beside a danger have no message yet.

The shapes are compared when the alerts or the zones have changed, and the result is kept: the console asks each second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import basemap
from notify.city.basemap import Zones
from notify.core.kept_results import KeptResults
from zones import gate

BESIDE_DEGREES = 0.0005  # about 50 m: imported neighbours may have a gap between them
COARSE_DEGREES = 0.0001  # about 10 m: finer bends of a border do not matter here
REACHED = 0.05  # a zone counts as reached from this share of its area on
WHOLE = 0.95
MOST_ALERTS = 100  # compared with the zones
ORDER = ("evacuation", "neighbourhood", "custom", "utility", "snow", "collection")  # the city's zones for other areas


Shapes = dict[int, shapely.Geometry]


@dataclass(frozen=True, slots=True)
class InForce:
    """An alert in force. `danger`: those beside its area should have a message too. `follow_up`: it has the words and
    the area of another one, and so replaces none."""

    alert: int
    incident: int
    area_hash: str
    emergency: bool
    danger: bool
    since: datetime
    follow_up: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """A zone and the alerts that reach it; those that reach all of it are in `wholly`, too."""

    zone: int
    kind: str
    name: str
    alerts: tuple[int, ...]
    wholly: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A zone beside the area of an emergency, or partly in it, that has no message.

    `since`: the launch of the first alert of the incident that the zone was beside, even if others replaced it since.
    """

    zone: int
    kind: str
    name: str
    beside: int  # the alert in force
    incident: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    reached: tuple[Reached, ...] = ()
    gaps: tuple[Gap, ...] = ()


Revisions = tuple[tuple[int, int, int], ...]
_kept: KeptResults[tuple[str, tuple[InForce, ...], Revisions], Coverage] = KeptResults(most=8)


def of(s: Session, alerts: Sequence[InForce]) -> Coverage:
    """Compare these alerts with the city's current zones. Only the first MOST_ALERTS are compared."""
    chosen = tuple(alerts[:MOST_ALERTS])
    if not chosen:
        return Coverage()
    edition = basemap.current(s)
    key = (edition.zones, chosen, revisions(s, [one.alert for one in chosen]))
    return _kept.get(key, lambda: _compare(s, chosen, basemap.zones_now(s, edition)))


def revisions(s: Session, alerts: Sequence[int]) -> Revisions:
    """Return how many alerts of each incident of these were launched, and how many cancelled: whatever does either
    works out what later alerts have left of the earlier ones. The counts only grow, so that what was made of two
    moments is not asked for again."""
    rows = s.execute(
        text("""SELECT incident_id, count(launched_at), count(*) FILTER (WHERE state = 'cancelled') FROM alerts
                 WHERE incident_id IN (SELECT incident_id FROM alerts WHERE id = ANY(:ids)) GROUP BY 1 ORDER BY 1"""),
        {"ids": list(alerts)},
    )
    return tuple((row[0], row[1], row[2]) for row in rows)


def _compare(s: Session, alerts: Sequence[InForce], zones: Zones) -> Coverage:
    spoken = [*alerts, *_all_clears_over(s, alerts)]
    (areas, left), kinds = _areas(s, spoken), _kinds(s, spoken)
    usual = next((kind for kind in ORDER if any(one["kind"] == kind for one in zones.about)), "")
    share: dict[int, dict[int, float]] = {}  # zone's row -> alert -> share of the zone
    beside: dict[int, list[InForce]] = {}
    since: dict[tuple[int, int], datetime] = {}  # zone's row, incident -> launch of the first danger beside it
    for alert in spoken:
        if alert.alert not in areas:
            continue
        of_kinds = kinds.get(alert.alert, {usual})
        near = _near(zones, left[alert.alert], of_kinds)
        for row, part in zip(near.tolist(), _shares(zones, near, left[alert.alert]), strict=True):
            if part >= REACHED:
                share.setdefault(row, {})[alert.alert] = part
            if alert.danger:
                beside.setdefault(row, []).append(alert)
        if alert.danger:
            for row in _near(zones, areas[alert.alert], of_kinds).tolist():
                since[row, alert.incident] = min(alert.since, since.get((row, alert.incident), alert.since))
    by_id = {one.alert: one for one in spoken}
    in_force = {one.alert for one in alerts}
    told = {row: {one: part for one, part in parts.items() if one in in_force} for row, parts in share.items()}
    reached = [_reached(zones, row, parts) for row, parts in told.items() if parts]
    gaps = [
        gap
        for row, dangers in beside.items()
        if (gap := _gap(zones, row, dangers, [by_id[alert] for alert in share.get(row, ())], since))
    ]
    return Coverage(
        tuple(sorted(reached, key=lambda one: (one.kind, one.name))),
        tuple(sorted(gaps, key=lambda one: (one.since, one.name))),
    )


def _all_clears_over(s: Session, alerts: Sequence[InForce]) -> list[InForce]:
    """The all-clears of these incidents that are not in force any more: what they ended stays ended. Standings do not
    name those that went where no danger had been announced, or where it was over by itself."""
    rows = s.execute(
        text("""SELECT DISTINCT c.id, c.incident_id, c.area_hash, c.launched_at, c.follows IS NOT NULL AS follow_up
                  FROM alerts a JOIN alerts c ON c.incident_id = a.incident_id AND c.status = a.status
                 WHERE a.id = ANY(:ids) AND c.phase = 'all-clear' AND c.state <> 'cancelled'
                   AND c.launched_at IS NOT NULL AND c.id <> ALL(:ids) ORDER BY c.id"""),
        {"ids": [one.alert for one in alerts]},
    ).all()
    return [
        InForce(row.id, row.incident_id, row.area_hash or "", False, False, row.launched_at, row.follow_up)
        for row in rows
    ]


def _areas(s: Session, alerts: Sequence[InForce]) -> tuple[Shapes, Shapes]:
    """Return the areas that can be read, without their finest bends, and what later alerts have left of each."""
    rows = s.execute(
        text("""SELECT a.id, a.area, t.left_area, t.alert_id IS NOT NULL AND t.left_area IS NULL AS nothing_left
                  FROM alerts a LEFT JOIN standings t ON t.alert_id = a.id
                 WHERE a.id = ANY(:ids) AND a.area IS NOT NULL ORDER BY a.id"""),
        {"ids": [one.alert for one in alerts]},
    ).all()
    areas = _readable((row.id, row.area) for row in rows)
    parts = _readable((row.id, row.left_area) for row in rows if row.left_area is not None)
    nothing = {row.id: shapely.Polygon() for row in rows if row.nothing_left}
    return areas, areas | parts | nothing


def _readable(stored: Iterable[tuple[int, bytes]]) -> Shapes:
    rows = list(stored)
    shapes, readable = gate.readable_from_wkb(shape for _, shape in rows)
    return {rows[at][0]: shape for at, shape in zip(readable.tolist(), _coarse(shapes).tolist(), strict=True)}


def _kinds(s: Session, alerts: Sequence[InForce]) -> dict[int, set[str]]:
    """The kinds of the zones that alerts were written for."""
    rows = s.execute(
        text("""SELECT DISTINCT t.alert_id, z.kind FROM alert_zones t JOIN zone_versions v ON v.id = t.zone_version_id
                  JOIN zones z ON z.id = v.zone_id WHERE t.alert_id = ANY(:ids)"""),
        {"ids": [one.alert for one in alerts]},
    ).all()
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(row.alert_id, set()).add(row.kind)
    return found


def _near(zones: Zones, area: shapely.Geometry, kinds: set[str]) -> NDArray[np.intp]:
    found = np.sort(zones.tree.query(area, predicate="dwithin", distance=BESIDE_DEGREES))
    return np.array([row for row in found.tolist() if zones.about[row]["kind"] in kinds], dtype=np.intp)


def _shares(zones: Zones, rows: NDArray[np.intp], area: shapely.Geometry) -> list[float]:
    """The share of each zone that an area takes."""
    shapes = _coarse(zones.shapes[rows])
    whole = shapely.area(shapes)
    parts = shapely.area(shapely.intersection(shapes, area))
    shares: list[float] = np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0).tolist()
    return shares


def _coarse(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    made: NDArray[np.object_] = shapely.simplify(shapes, COARSE_DEGREES)
    return made


def _reached(zones: Zones, row: int, parts: dict[int, float]) -> Reached:
    about = zones.about[row]
    wholly = tuple(alert for alert, part in parts.items() if part >= WHOLE)
    return Reached(int(about["id"]), str(about["kind"]), str(about["name"]), tuple(parts), wholly)


def _gap(
    zones: Zones,
    row: int,
    dangers: Sequence[InForce],
    having: Sequence[InForce],
    since: dict[tuple[int, int], datetime],
) -> Gap | None:
    """The gap, unless the zone has an emergency's message or one of the same incident."""
    incidents = {one.incident for one in having}
    open_ = [one for one in dangers if one.incident not in incidents]
    if not open_ or any(one.emergency for one in having):
        return None
    first = min(open_, key=lambda one: (since[row, one.incident], one.follow_up, -one.since.timestamp(), -one.alert))
    about = zones.about[row]
    return Gap(
        int(about["id"]),
        str(about["kind"]),
        str(about["name"]),
        first.alert,
        first.incident,
        since[row, first.incident],
    )
