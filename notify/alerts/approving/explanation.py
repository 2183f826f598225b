"""Explain an audience to its approver: residents covered by zone, contacts left out or delayed, and whether the total
is unusual."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.alerts.approving.audience_size import UNUSUAL, usual
from notify.audience import Audience, Places
from notify.core import audit
from notify.core.counting import counted
from notify.core.translation import gettext as _
from notify.delivery import forecast
from notify.models import Alert, Operator
from zones.geometry import from_wkb
from zones.membership import Membership

# The kinds of two rows that have no zone's name: those in none of the zones, and those without a place, who get what
# goes to the whole city.
ELSEWHERE, PLACELESS = "elsewhere", "no-place"


@dataclass(frozen=True, slots=True)
class Covered:
    """Residents with a place in the area and in this zone; of the kind ELSEWHERE: in no zone; of PLACELESS: without a
    place."""

    kind: str
    zone: str
    residents: int

    @property
    def label(self) -> str:
        return label(self.zone, self.kind)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`waiting`: messages that would not leave before the alert expires, by cause. `usual`: the median of the last
    alerts' audiences."""

    audience: Audience
    waiting: dict[str, int]
    zones: tuple[Covered, ...]
    usual: int | None
    warnings: tuple[str, ...]


def explain(s: Session, alert: Alert, now: datetime) -> Explanation:
    """Explain the audience of an alert if it were launched now. Raises Refused without an area."""
    area = audience.membership(alert)
    places = audience.places_inside(s, area, now)
    residents = audience.residents_of(s, area, places, now)
    without_place = audience.placeless_in(s, area, now)
    found = audience.count(s, alert, residents, now)
    return Explanation(
        found,
        _waiting(s, alert, found, now),
        tuple(Covered(kind, name, int(ids.size)) for kind, name, ids in by_zone(s, alert.id, places, without_place)),
        usual(s, alert.event, alert.id),
        tuple(warnings(s, found.total, alert.created_by, alert.id, alert.event)),
    )


def note_count(
    s: Session,
    area: BaseGeometry,
    residents: int | str,
    now: datetime,
    *,
    by: Operator | None,
    key_id: int | None = None,
    **more: int,
) -> None:
    """Record in the audit who asked for a count of residents: the difference of two counts can reveal a home.

    `key_id`: of the program that asked; None for an operator at the console.
    """
    audit.note(
        s,
        now=now,
        by=by,
        action="count",
        subject="audience",
        subject_id=key_id or 0,
        box=[round(degrees, 5) for degrees in area.bounds],
        residents=residents,
        **more,
    )


def note_preview(
    s: Session, alert: Alert, residents: int | str, now: datetime, *, by: Operator | None, key_id: int | None = None
) -> None:
    """Record the count of an alert's area, which may have been drawn for that purpose."""
    if alert.area is not None:
        note_count(s, from_wkb(alert.area), residents, now, by=by, key_id=key_id, alert=alert.id)


def warnings(s: Session, total: int, operator_id: int | None, but: int = 0, event: str | None = None) -> list[str]:
    """Warnings about the size of an audience. `but`: the alert itself, which the usual size must not include."""
    normal = usual(s, event, but)
    said = []
    if normal and total >= UNUSUAL * normal:
        times = total / normal
        said.append(f"It reaches {counted(total, 'contact')}, {times:,.0f} times as many as usual ({normal:,}).")
    limit = s.execute(text("SELECT audience_limit FROM operators WHERE id = :id"), {"id": operator_id}).scalar()
    if limit is not None and total > limit:
        said.append(f"It reaches more contacts than the author's limit of {limit:,}.")
    return said


def _waiting(s: Session, alert: Alert, found: Audience, now: datetime) -> dict[str, int]:
    """The number of messages that would not leave before the alert expires, by cause."""
    waiting: dict[str, int] = {}
    for one in forecast.channels(s, alert, found, now):
        late = one.messages - one.in_time
        if late > 0:
            why = "no-sender" if not one.senders else "capped" if one.capped else "expires-first"
            waiting[why] = waiting.get(why, 0) + late
    return waiting


def label(zone: str, kind: str) -> str:
    """Return what a row of residents by zone is called."""
    return _("No place given: the whole city only") if kind == PLACELESS else zone or _("Elsewhere in the area")


def by_zone(
    s: Session, alert_id: int, places: Places, placeless: NDArray[np.int64]
) -> list[tuple[str, str, NDArray[np.int64]]]:
    """Return kind, name and the ids of the residents of these places, ascending, for each zone that has any: the
    alert's own zones or, if it has none, all current ones. Those in no zone come last, of the kind ELSEWHERE, and then
    those without a place."""
    found = [
        (kind, name, np.unique(places.inside(Membership(from_wkb(wkb))).residents))
        for kind, name, wkb in zones_of(s, alert_id)
    ]
    in_zones = np.concatenate([ids for _kind, _name, ids in found]) if found else np.empty(0, np.int64)
    found.append((ELSEWHERE, "", np.setdiff1d(places.residents, in_zones)))
    found.append((PLACELESS, "", placeless))
    return [row for row in found if row[2].size]


def zones_of(s: Session, alert_id: int) -> Sequence[tuple[str, str, bytes]]:
    """Return kind, name and area of an alert's own zones or, if it has none, of all current ones."""
    rows = s.execute(
        text("""SELECT z.kind, z.name, v.geometry FROM zone_versions v JOIN zones z ON z.id = v.zone_id
                 WHERE CASE WHEN EXISTS (SELECT FROM alert_zones WHERE alert_id = :alert)
                            THEN v.id IN (SELECT zone_version_id FROM alert_zones WHERE alert_id = :alert)
                            ELSE z.retired_at IS NULL
                                 AND v.id = (SELECT max(id) FROM zone_versions WHERE zone_id = z.id) END
                 ORDER BY z.kind, z.name"""),
        {"alert": alert_id},
    )
    return [(row.kind, row.name, bytes(row.geometry)) for row in rows]
