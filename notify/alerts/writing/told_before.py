"""Which earlier alerts an update, a correction or an all-clear answers: those of which it leaves nothing.

Whoever was sent one of these gets the new alert, too, wherever they live now. An all-clear to a part of the area goes
to that part only: the others are still in danger. The one to the last part goes to all who have heard none of those
before it. Answered alerts are found when the new one is written, and again when it is approved and launched: others
may have been launched meanwhile.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from notify.alerts import standing
from notify.alerts.standing import Spoken
from notify.models import Alert
from zones.geometry import from_wkb
from zones.overlaps import meet, minus, without_slivers


def find(s: Session, incident: int | None, phase: str, status: str, area: BaseGeometry) -> dict[int, tuple[int, ...]]:
    """Return the launched alerts of the incident with this status that an alert to this area answers, the oldest first,
    each with those that have the last word in the parts that it does not cover. An all-clear answers nothing that
    holds somewhere, or was announced there again."""
    if incident is None or phase == "issue":
        return {}
    new = Spoken(0, phase == "all-clear", speaks=True, area=area)
    return dict(_answered(standing.said(s, incident, status), new))


def again(s: Session, alert: Alert) -> dict[int, tuple[int, ...]]:
    """Return what `find` returns now for an alert that is not launched yet."""
    if alert.follows is not None or alert.area is None:
        return {}
    return find(s, alert.incident_id, alert.phase, alert.status, from_wkb(alert.area))


def columns(answered: Mapping[int, Sequence[int]]) -> dict[str, Any]:
    """Return the columns of an alert that keep what it answers."""
    return {"told_before": [*answered], "told_apart": {str(one): [*apart] for one, apart in answered.items() if apart}}


def covers(area: BaseGeometry, earlier: BaseGeometry) -> bool:
    """Return whether an area leaves out nothing of an earlier one."""
    return bool(without_slivers(minus(earlier, area), earlier).is_empty)


def _answered(launched: Sequence[Spoken], new: Spoken) -> Iterator[tuple[int, tuple[int, ...]]]:
    for at, one in enumerate(launched):
        if not meet(one.area, new.area):
            continue
        found = standing.left(one, [*launched[at + 1 :], new])
        if found.area.is_empty and (not new.clear or all(word.clear for word in found.words)):
            yield one.id, tuple(word.id for word in found.words if word is not new)
