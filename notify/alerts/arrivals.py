"""Send whoever joins, or adds a place, the alerts that are in force there.

An alert holds where `standing` says that no later one has the last word. An all-clear tells nobody of a danger that
they never heard of, a follow-up repeats another alert to those it did not reach, and tests and exercises are not for
people who have just joined: none of these is sent again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify import audience
from notify.audience import Places, everywhere, told
from notify.core import alarms, db
from notify.core.states import IN_FORCE
from notify.delivery import latecomers
from notify.delivery.recovery import Doorbell
from notify.models import Alert, Arrival
from zones.geometry import readable_areas
from zones.membership import Membership

AT_ONCE = 2_000
AGAIN_AFTER = timedelta(seconds=2)  # while the audience of an alert there is being resolved


class _Holding(NamedTuple):
    """An alert in force, where it still holds. `whole`: it went to the whole city, and holds for those without a place
    as long as it does anywhere. `resolved`: its audience is known. `spares`: alerts whose recipients do not get it."""

    id: int
    area: BaseGeometry
    whole: bool
    resolved: bool
    spares: Sequence[int]


def tell(s: Session, now: datetime) -> list[Doorbell]:
    """Write the deliveries of those who arrived, and return the batches to be rung after the commit.

    An arrival waits while an alert there is still being resolved: its audience may have been read before or after.
    """
    arrived = s.execute(text(_DUE), {"now": now, "most": AT_ONCE}).all()
    if not arrived:
        return []
    people = sorted({one.subscriber_id for one in arrived})
    places, placeless = audience.places_of(s, people, now), everywhere.placeless_of(s, people).tolist()
    waiting: set[int] = set()
    bells: list[Doorbell] = []
    for alert, residents in _there(_in_force(s, now), places, placeless):
        if alert.resolved:
            had = set(told.recipients(s, alert.spares).tolist()) if alert.spares else set()
            bells += _add(s, alert.id, [one for one in residents if one not in had], now)
        else:
            waiting.update(residents)
    s.execute(
        text("UPDATE arrivals SET due_at = :later WHERE id = ANY(:ids)"),
        {"later": now + AGAIN_AFTER, "ids": [one.id for one in arrived if one.subscriber_id in waiting]},
    )
    s.execute(
        text("DELETE FROM arrivals WHERE id = ANY(:ids)"),
        {"ids": [one.id for one in arrived if one.subscriber_id not in waiting]},
    )
    return bells


@dataclass(frozen=True, slots=True)
class Coming:
    """An alert that a resident is about to be sent. `at`: None at once; else when quiet hours or a digest end."""

    alert: Alert
    at: datetime | None


def coming(s: Session, resident: int, now: datetime) -> list[Coming]:
    """Return what somebody who has just joined, or added a place, is about to be sent; nothing once `tell` has written
    it."""
    if s.scalar(select(Arrival.id).where(Arrival.subscriber_id == resident).limit(1)) is None:
        return []
    places, placeless = audience.places_of(s, [resident], now), everywhere.placeless_of(s, [resident]).tolist()
    found = []
    for holding, _residents in _there(_in_force(s, now), places, placeless):
        if holding.spares and resident in told.recipients(s, holding.spares):
            continue
        alert = s.get_one(Alert, holding.id)
        at = latecomers.foresee(s, alert, resident, now)
        if at is not None:
            found.append(Coming(alert, at if at > now else None))
    return found


def _add(s: Session, alert_id: int, residents: Sequence[int], now: datetime) -> list[Doorbell]:
    """Add them to one alert. If PostgreSQL refuses it, an alarm rings, and the others are still told (law 15)."""

    def refused(_alert: int, why: Exception) -> None:
        alarms.refused_row(f"tell who joined later of alert {alert_id}", why, now, alert_id=alert_id)

    added = db.in_halves([alert_id], lambda _some: latecomers.add(s, alert_id, residents, now), refused, s.begin_nested)
    return [bell for bells in added for bell in bells]


_DUE = """
    SELECT id, subscriber_id FROM arrivals WHERE due_at <= :now ORDER BY due_at, id LIMIT :most FOR UPDATE SKIP LOCKED
"""


def _in_force(s: Session, now: datetime) -> list[_Holding]:
    rows = s.execute(text(_IN_FORCE), {"states": sorted(IN_FORCE), "now": now}).all()
    areas = readable_areas(row.area for row in rows)
    return [
        _Holding(row.id, areas[row.area], row.whole_city, row.resolved, row.spares) for row in rows if row.area in areas
    ]


_IN_FORCE = """
    SELECT a.id, coalesce(t.left_area, a.area) AS area, a.whole_city, a.fanout_done_at IS NOT NULL AS resolved,
           a.spares
      FROM alerts a LEFT JOIN standings t ON t.alert_id = a.id
     WHERE a.state = ANY (CAST(:states AS alert_state[])) AND a.expires_at > :now AND a.status = 'Actual'
       AND a.phase <> 'all-clear' AND a.follows IS NULL AND a.area IS NOT NULL
       AND (t.alert_id IS NULL OR t.left_area IS NOT NULL)
     ORDER BY a.launched_at, a.id
"""


def _there(
    alerts: Sequence[_Holding], places: Places, placeless: Sequence[int]
) -> Iterator[tuple[_Holding, list[int]]]:
    """Yield each alert with the residents who have a place where it holds, if there are any, and those without one."""
    for alert in alerts:
        residents = np.unique(places.inside(Membership(alert.area)).residents).tolist()
        if alert.whole:
            residents += placeless
        if residents:
            yield alert, residents
