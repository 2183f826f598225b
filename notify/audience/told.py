"""The residents to whom earlier alerts were sent: an update, a correction and an all-clear go to them as well
(`alerts.writing.told_before`).

They are found again whenever the audience is counted or resolved, so whoever an earlier alert is sent to meanwhile
counts. Where they live now does not matter; what they have opted out of does.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience.everywhere import LAST_ID, InCity
from notify.audience.rules import NEVER_READ
from zones.geometry import readable_areas


class OrTold(InCity):
    """An area, and all to whom one of the answered alerts was sent, but none of the others that belong to it. `spares`:
    the alerts whose recipients are left out, wherever they live."""

    def __init__(
        self,
        area: BaseGeometry,
        answered: Mapping[int, tuple[int, ...]],
        *,
        whole: bool = False,
        spares: Sequence[int] = (),
    ) -> None:
        super().__init__(area, whole=whole)
        self.spares = tuple(spares)
        by_others: dict[tuple[int, ...], list[int]] = {}
        for one, others in answered.items():
            by_others.setdefault(others, []).append(one)
        self.told = tuple(Recipients(tuple(ones), others) for others, ones in by_others.items())


class Recipients(NamedTuple):
    """Those to whom one of these alerts was sent, and none of the others."""

    alerts: tuple[int, ...]
    others: tuple[int, ...] = ()

    def read(self, s: Session, after: int = 0, through: int = LAST_ID) -> NDArray[np.int64]:
        """Return the residents, ascending, each once. Only ids above `after` and up to `through` are returned."""
        told = _residents(s, self.alerts, NEVER_READ, after, through)
        if not (self.others and told.size):
            return told
        return np.setdiff1d(told, _residents(s, self.others, PERHAPS_NOT_READ, after, through), assume_unique=True)


def recipients(s: Session, alerts: Sequence[int], after: int = 0, through: int = LAST_ID) -> NDArray[np.int64]:
    """Return the residents who have, or will have, one of these alerts, ascending: not those of whose messages nobody
    knows that one arrived."""
    return _residents(s, alerts, PERHAPS_NOT_READ, after, through)


PERHAPS_NOT_READ = (*NEVER_READ, "undelivered", "unknown")


def _residents(
    s: Session, alerts: Sequence[int], without: Sequence[str], after: int, through: int
) -> NDArray[np.int64]:
    found = s.execute(
        text("""SELECT array_agg(c.subscriber_id) FROM deliveries d JOIN contacts c ON c.id = d.contact_id
                 WHERE d.alert_id = ANY(:alerts) AND d.state <> ALL (CAST(:without AS delivery_state[]))
                   AND c.subscriber_id > :after AND c.subscriber_id <= :through"""),
        {"alerts": list(alerts), "without": list(without), "after": after, "through": through},
    ).scalar()
    return np.unique(np.array(found or [], dtype=np.int64))


def emergencies(
    s: Session, incident: int | None, phase: str, status: str, *, corrects: bool, this: int = 0
) -> list[int] | None:
    """Return the emergencies that such an alert of their incident ends or corrects; None if it does neither. `this`:
    its id, if it has one.

    Whoever was told of one hears of its end at once, whatever they chose (`rules.warned`).
    """
    if incident is None:
        return None
    found: list[int] | None = s.execute(
        text(f"SELECT {OF_EMERGENCIES}"),
        {"incident": incident, "phase": phase, "status": status, "corrects": corrects, "this": this},
    ).scalar_one()
    return found


def of_emergencies(phase: str, corrects: str, incident: str, status: str, this: str) -> str:
    """Return SQL for the ids of the emergencies of an incident that an alert ends or corrects; NULL if it does neither.
    All are SQL.

    One that an earlier all-clear ended everywhere is not ended again by that of a routine notice, unless that all-clear
    was stopped or taken back, or no message of it reached a resident. Nor is it corrected by what corrects such a
    notice, which waits as the notice did. What is said afterwards changes neither, and a follow-up is judged as the
    alert that it follows.
    """
    before = f"""coalesce((SELECT coalesce(f.launched_at, t.launched_at)
                             FROM alerts t LEFT JOIN alerts f ON f.id = t.follows WHERE t.id = {this}), 'infinity')"""
    earlier = f"(y.incident_id, y.status) = ({incident}, {status}) AND NOT y.corrects AND y.launched_at < {before}"
    # What a correction replaces is cancelled by it. A notice that was cancelled earlier was taken back.
    taken_back = f"y.state = 'cancelled' AND y.lane = 'routine' AND y.phase <> 'all-clear' AND y.finished_at < {before}"
    return f"""CASE WHEN {phase} = 'all-clear' OR {corrects} THEN (
                    SELECT array_agg(first.id) FROM alerts first
                     WHERE (first.incident_id, first.status) = ({incident}, {status})
                       AND first.lane = 'emergency' AND first.launched_at IS NOT NULL
                       AND (NOT EXISTS (
                                SELECT FROM alerts y
                                 WHERE {earlier} AND y.phase = 'all-clear' AND y.state NOT IN ('cancelled', 'paused')
                                   AND first.id = ANY (y.told_before) AND {_HEARD})
                            OR {corrects} AND 'all-clear' = (
                                SELECT y.phase FROM alerts y
                                 WHERE {earlier} AND y.follows IS NULL AND NOT ({taken_back})
                                 ORDER BY y.launched_at DESC, y.id DESC LIMIT 1))) END"""


# Whether a resident has, or may still get, a message of the alert `y`: posts of the city's own timelines do not count.
_HEARD = f"""(y.fanout_done_at IS NULL OR EXISTS (
                   SELECT FROM deliveries heard JOIN contacts heard_on ON heard_on.id = heard.contact_id
                    WHERE heard.alert_id = y.id AND heard_on.timeline_of IS NULL
                      AND heard.state NOT IN ({", ".join(f"'{state}'" for state in NEVER_READ)})))"""
OF_EMERGENCIES = of_emergencies(
    "CAST(:phase AS text)", "CAST(:corrects AS boolean)", "CAST(:incident AS bigint)", "CAST(:status AS text)",
    "CAST(:this AS bigint)",
)  # fmt: skip


def to_come(s: Session, alerts: Sequence[int]) -> list[InCity]:
    """Return the areas of those of these alerts whose audience is not known yet, but that will be sent."""
    stored = s.execute(
        text("""SELECT area, whole_city FROM alerts WHERE id = ANY(:alerts) AND fanout_done_at IS NULL
                   AND state IN ('sending', 'paused') AND area IS NOT NULL"""),
        {"alerts": list(alerts)},
    ).all()
    areas = readable_areas(row.area for row in stored)
    return [InCity(areas[row.area], whole=row.whole_city) for row in stored if row.area in areas]
