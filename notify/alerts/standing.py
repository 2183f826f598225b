"""What later alerts of an incident leave of the earlier ones: who has the last word where.

An update, a correction or an all-clear has the last word in its own area, and changes nothing elsewhere: an all-clear
to one of two zones leaves the danger in the other, until that is cleared, too. It does not wear off either: when an
all-clear has expired, the danger before it does not come back. This is worked out again at each launch and
cancellation in the incident, and kept, so that every list and map says the same (`listing.LATER`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from notify.models import Standing
from zones import gate
from zones.geometry import share, to_wkb

INCIDENT_LOCK = 7462  # first key of the advisory lock; the second one is the incident
LEFT_OUT = 0.001  # the part of an area that does not count: borders drawn anew are never quite the same
HOLDS = 0.05  # an alert holds in a zone of its own from this share of the zone on


@dataclass(frozen=True, slots=True)
class Spoken:
    """A launched alert. `speaks`: it has the last word where it goes; a follow-up only repeats another's, and what was
    cancelled has none."""

    id: int
    clear: bool
    speaks: bool
    area: BaseGeometry


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of an alert: `area` is empty when nothing is. `words`: the ids of those that have the last word
    elsewhere in its area, the newest first."""

    area: BaseGeometry
    words: Sequence[Spoken]


def renew(s: Session, incident_id: int, status: str) -> None:
    """Work out the incident's standings, after a launch or cancellation."""
    lock(s, incident_id)
    s.execute(delete(Standing).where(Standing.alert_id.in_(_ids(s, incident_id, status))))
    launched = _launched(s, incident_id, status)
    rows = [row for at, one in enumerate(launched) if (row := _row(s, one, launched[at + 1 :]))]
    if rows:
        s.execute(insert(Standing), rows)


def lock(s: Session, incident_id: int) -> None:
    """Lock an incident until the end of the transaction: of two launches the second one finds the first."""
    s.execute(
        text("SELECT pg_advisory_xact_lock(:lock, CAST(:incident AS integer))"),
        {"lock": INCIDENT_LOCK, "incident": incident_id},
    )


def left(of: Spoken, later: Sequence[Spoken]) -> Left:
    """Return what later ones, the oldest first, leave of an alert."""
    area, words = of.area, []
    for one in reversed(later):
        if area.is_empty:
            break
        if one.speaks and shapely.equals_identical(area, one.area):  # most updates go where the one before went
            words.append(one)
            area = shapely.Polygon()
        elif one.speaks and share(of.area, shapely.intersection(area, one.area)) > LEFT_OUT:
            words.append(one)
            area = shapely.difference(area, one.area)
    whole = words and share(of.area, area) <= LEFT_OUT
    return Left(shapely.Polygon() if whole else area, words)


def _row(s: Session, one: Spoken, later: Sequence[Spoken]) -> dict[str, Any] | None:
    found = left(one, later)
    row: dict[str, Any] = {
        "alert_id": one.id, "superseded_by": None, "ended_by": None, "left_area": None, "left_in": None
    }  # fmt: skip
    if not found.words:
        return None
    clears = left(one, [word for word in later if word.clear])
    if not one.clear and clears.area.is_empty:
        row["ended_by"] = clears.words[0].id  # danger that was announced again since is that of a later alert
    if not found.area.is_empty:
        return row | {"left_area": to_wkb(found.area), "left_in": _zones(s, one.id, found.area)}
    dangers = [word.id for word in found.words if not word.clear]
    if one.clear or dangers:
        row["superseded_by"] = dangers[0] if dangers else found.words[0].id
    return row


def _ids(s: Session, incident_id: int, status: str) -> Iterable[int]:
    return s.scalars(
        text("SELECT id FROM alerts WHERE incident_id = :incident AND status = :status"),
        {"incident": incident_id, "status": status},
    ).all()


def _launched(s: Session, incident_id: int, status: str) -> list[Spoken]:
    """The oldest first. One whose area is damaged is left out, so that it does not keep the others from going out."""
    rows = s.execute(
        text("""SELECT id, phase = 'all-clear' AS clear, follows IS NULL AND state <> 'cancelled' AS speaks, area
                  FROM alerts WHERE incident_id = :incident AND status = :status
                   AND launched_at IS NOT NULL AND area IS NOT NULL ORDER BY launched_at, id"""),
        {"incident": incident_id, "status": status},
    ).all()
    shapes, readable = gate.readable_from_wkb(row.area for row in rows)
    return [
        Spoken(rows[at].id, rows[at].clear, rows[at].speaks, shape)
        for at, shape in zip(readable.tolist(), shapes.tolist(), strict=True)
    ]


def _zones(s: Session, alert_id: int, area: BaseGeometry) -> list[str]:
    """The zones of an alert in which it still holds."""
    rows = s.execute(
        text("""SELECT z.name, v.geometry FROM alert_zones t JOIN zone_versions v ON v.id = t.zone_version_id
                  JOIN zones z ON z.id = v.zone_id WHERE t.alert_id = :alert ORDER BY z.name"""),
        {"alert": alert_id},
    ).all()
    shapes, readable = gate.readable_from_wkb(row.geometry for row in rows)
    holds = [share(shape, area) > HOLDS for shape in shapes.tolist()]
    return [rows[at].name for at, here in zip(readable.tolist(), holds, strict=True) if here]
