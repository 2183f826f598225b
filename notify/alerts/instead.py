"""What residents go by instead of an alert: what its incident said later, to all of its area or to another one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts.listing import IN_INCIDENT, LATER, InIncident
from notify.core import states
from zones.geometry import readable_areas
from zones.overlaps import meet


@dataclass(frozen=True, slots=True)
class Newer:
    """What was said later and holds itself, the newest first. `instead`: in all of the alert's area, or each in a part
    of it; empty: the alert holds itself. `partly`: in a part of its area, or still only later (`touching`)."""

    instead: Sequence[InIncident]
    partly: Sequence[InIncident]


def incidents_in_force(s: Session, now: datetime) -> Sequence[Sequence[InIncident]]:
    """Return what each incident with a real alert in force has said, the newest first."""
    found = s.scalars(text(_INCIDENTS), {"states": list(states.IN_FORCE), "now": now, "status": "Actual"}).all()
    incidents: dict[int, list[InIncident]] = {}
    for one in _said(s, found, "Actual"):
        incidents.setdefault(one.incident, []).append(one)
    return list(incidents.values())


def practices_running(s: Session, now: datetime) -> Sequence[InIncident]:
    """Return the exercises in force, the newest first, but those that a later word of the exercise has replaced."""
    found = s.scalars(text(_INCIDENTS), {"states": list(states.IN_FORCE), "now": now, "status": "Exercise"}).all()
    said = _said(s, found, "Exercise")
    return [one for one in said if one.state in states.IN_FORCE and one.expires_at > now and not one.is_replaced]


def incident(s: Session, incident_id: int, status: str) -> Sequence[InIncident]:
    """Return what an incident has said, the newest first. `status`: an exercise says nothing of what is real."""
    return _said(s, [incident_id], status)


def newer(alert: InIncident, said: Sequence[InIncident]) -> Newer:
    """Find what its incident said later than an alert. `said`: all of that.

    What goes to a part of its area leaves it in force elsewhere, and an all-clear does not wear off when it expires.
    """
    later = said[: said.index(alert)]
    hold = [one for one in later if one.state != "cancelled" and one.follows is None and not one.is_replaced]
    return Newer(hold, ()) if alert.is_replaced else Newer((), hold)


def touching(s: Session, found: Iterable[tuple[InIncident, Newer]]) -> list[tuple[InIncident, Newer]]:
    """Leave out of each what was said later to other areas only: who reads of an alert need not care."""
    found = list(found)
    asked = {one.id for alert, newer in found for one in (alert, *newer.instead, *newer.partly)}
    stored = {row.id: bytes(row.area) for row in s.execute(text(_AREAS), {"ids": sorted(asked)})} if asked else {}

    def there(alert: InIncident, later: Sequence[InIncident]) -> list[InIncident]:
        return [one for one in later if _touch(stored.get(alert.id), stored.get(one.id))]

    return [(alert, Newer(there(alert, newer.instead), there(alert, newer.partly))) for alert, newer in found]


@lru_cache(maxsize=256)
def _touch(area: bytes | None, other: bytes | None) -> bool:
    """Whether two areas meet in more than a border. One that cannot be read may be anywhere."""
    shapes = readable_areas(one for one in (area, other) if one is not None)
    if area not in shapes or other not in shapes:
        return True
    return meet(shapes[area], shapes[other])


def _said(s: Session, incidents: Sequence[int], status: str) -> Sequence[InIncident]:
    rows = s.execute(text(_SAID), {"incidents": list(incidents), "status": status})
    return [InIncident(**row._mapping) for row in rows]


_INCIDENTS = """
    SELECT DISTINCT incident_id FROM alerts
     WHERE launched_at IS NOT NULL AND status = :status AND expires_at > :now
       AND state = ANY (CAST(:states AS alert_state[]))
"""
_AREAS = "SELECT id, area FROM alerts WHERE id = ANY (:ids) AND area IS NOT NULL"
_SAID = f"""
    SELECT {IN_INCIDENT} FROM alerts a {LATER}
     WHERE a.incident_id = ANY (:incidents) AND a.status = :status AND a.launched_at IS NOT NULL
     ORDER BY a.launched_at DESC, a.id DESC
"""  # noqa: S608  names of ours
