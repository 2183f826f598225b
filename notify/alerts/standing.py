"""What later alerts of an incident leave of the earlier ones: who has the last word where.

An update, a correction or an all-clear has the last word in its own area, and changes nothing elsewhere: an all-clear
to one of two zones leaves the danger in the other, until that is cleared, too. It does not wear off either: when an
all-clear has expired, the danger before it does not come back. All that asks which alert another one answers asks here:
what may still go out (`outdated`), whose recipients hear of it (`writing.told_before`), and, worked out again at each
launch and cancellation in the incident and kept, every list and map (`listing.LATER`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from notify.core.states import HELD_BACK
from notify.models import Alert, Standing
from zones.geometry import readable_areas, to_wkb
from zones.overlaps import meet, minus, without_slivers

INCIDENT_LOCK = 7462  # first key of the advisory lock; the second one is the incident
NEXT = timedelta(microseconds=1)  # the least that PostgreSQL tells apart


@dataclass(frozen=True, slots=True)
class Spoken:
    """A launched alert. `speaks`: it has the last word where it goes. A follow-up has none, as it repeats another's,
    nor has what was cancelled; but that may have been `heard` before."""

    id: int
    clear: bool
    speaks: bool
    area: BaseGeometry
    heard: bool = True
    withdrawn: BaseGeometry | None = None  # the part of the area where it is not true any more


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of an alert: `area` is empty when nothing is. `words`: those that have the last word elsewhere in
    its area, the newest first."""

    area: BaseGeometry
    words: Sequence[Spoken]


def lock(s: Session, incident_id: int) -> None:
    """Lock an incident until the end of the transaction: of two launches the second one finds the first."""
    s.execute(
        text("SELECT pg_advisory_xact_lock(:lock, CAST(:incident AS integer))"),
        {"lock": INCIDENT_LOCK, "incident": incident_id},
    )


def next_moment(s: Session, incident_id: int, now: datetime) -> datetime:
    """Return the time of a launch in an incident that is locked: now, but after all launches before it, whatever the
    clocks of their hosts said and however long this one waited for the lock."""
    last = last_launch(s, incident_id)
    return now if last is None else max(now, last + NEXT)


def last_launch(s: Session, incident_id: int) -> datetime | None:
    return s.scalar(select(func.max(Alert.launched_at)).where(Alert.incident_id == incident_id))


def renew(s: Session, incident_id: int, status: str, alerts: Collection[int]) -> None:
    """Work out the incident's standings where these alerts go, after they were launched or cancelled."""
    lock(s, incident_id)
    launched = said(s, incident_id, status)
    there = [one.area for one in launched if one.id in alerts]
    found = {
        one.id: _row(s, one, launched[at + 1 :])
        for at, one in enumerate(launched)
        if any(meet(one.area, area) for area in there)
    }
    # Where an unreadable one still holds is not known any more: everywhere. What was over stays over.
    unreadable = select(Alert.id).where(
        Alert.incident_id == incident_id, Alert.status == status, Alert.id.not_in([one.id for one in launched])
    )
    partly = Standing.alert_id.in_(unreadable) & Standing.left_area.is_not(None)
    s.execute(delete(Standing).where(Standing.alert_id.in_(found) | partly))
    rows = [row for row in found.values() if row]
    if rows:
        s.execute(insert(Standing), rows)


def left(of: Spoken, later: Sequence[Spoken]) -> Left:
    """Return what later ones, the oldest first, leave of an alert."""
    area, words = of.area, []
    for one in reversed(later):
        if area.is_empty:
            break
        if one.speaks:
            if meet(area, one.area, of.area):
                words.append(one)
            area = minus(area, one.area)  # be it a sliver: of two that share one none may leave it
    return Left(without_slivers(area, of.area), words)


def said(s: Session, incident_id: int, status: str, since: datetime | None = None) -> list[Spoken]:
    """Return what was launched in an incident, or after another launch, the oldest first.

    One whose area is damaged is left out, so that it does not keep the others from going out.
    """
    rows = s.execute(
        text("""SELECT id, phase = 'all-clear' AS clear, follows IS NULL AS own, area, withdrawn,
                       state <> 'cancelled' AS on,
                       state <> 'cancelled' OR EXISTS (SELECT FROM deliveries d WHERE d.alert_id = a.id
                           AND d.state <> ALL (CAST(:held_back AS delivery_state[]))) AS heard
                  FROM alerts a WHERE incident_id = :incident AND status = :status AND area IS NOT NULL
                   AND launched_at > coalesce(CAST(:since AS timestamptz), '-infinity') ORDER BY launched_at, id"""),
        {"incident": incident_id, "status": status, "since": since, "held_back": [one.value for one in HELD_BACK]},
    ).all()
    shapes = readable_areas(area for row in rows for area in (row.area, row.withdrawn) if area is not None)
    return [
        Spoken(row.id, row.clear, row.own and row.on, shape, row.own and row.heard, shapes.get(row.withdrawn))
        for row in rows
        if (shape := shapes.get(row.area)) is not None
    ]


def heard(launched: Iterable[Spoken]) -> list[Spoken]:
    """The same, where what was cancelled speaks, too, if somebody may have read it."""
    return [replace(one, speaks=one.heard) for one in launched]


def _row(s: Session, one: Spoken, later: Sequence[Spoken]) -> dict[str, Any] | None:
    found = left(one, later)
    if not found.words and one.withdrawn is None:
        return None
    row = dict.fromkeys(("superseded_by", "ended_by", "left_area", "left_in")) | {"alert_id": one.id, "unsaid": False}
    if one.withdrawn is not None:
        row["unsaid"] = not left(replace(one, area=one.withdrawn), later).area.is_empty
    area = found.area if one.withdrawn is None else without_slivers(minus(found.area, one.withdrawn), one.area)
    if not area.is_empty or not found.words:  # what nothing is left of, and nobody has spoken since, holds nowhere
        return row | {"left_area": to_wkb(area), "left_in": _zones(s, one.id, area)}
    clears = left(one, [word for word in later if word.clear])
    dangers = [word.id for word in found.words if not word.clear]
    if not one.clear and clears.words and clears.area.is_empty:
        row["ended_by"] = clears.words[0].id  # danger that was announced again since is that of a later alert
    if dangers or row["ended_by"] is None:
        row["superseded_by"] = dangers[0] if dangers else found.words[0].id
    return row


def _zones(s: Session, alert_id: int, area: BaseGeometry) -> list[str]:
    """The zones of an alert in which it still holds."""
    rows = s.execute(
        text("""SELECT z.name, v.geometry FROM alert_zones t JOIN zone_versions v ON v.id = t.zone_version_id
                  JOIN zones z ON z.id = v.zone_id WHERE t.alert_id = :alert ORDER BY z.name"""),
        {"alert": alert_id},
    ).all()
    shapes = readable_areas(row.geometry for row in rows)
    found = [(row.name, shapes.get(row.geometry)) for row in rows]
    return [name for name, shape in found if shape is not None and meet(shape, area)]
