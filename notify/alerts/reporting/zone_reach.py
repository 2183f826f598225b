"""Who was reached in each zone: residents by the best outcome of their messages, while they are sent and afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from notify import audience
from notify.alerts.approving import explanation
from notify.core.db import raw
from notify.models import Alert
from notify.models.states import AlertState

LEFT_OUT, FAILED, UNKNOWN, TO_COME, REACHED = range(5)  # the best outcome counts
# A provider that sends no receipts leaves its messages accepted.
_OUTCOME = f"""
    CASE WHEN d.state IN ('accepted', 'delivered') THEN {REACHED}
         WHEN d.state IN ('queued', 'held', 'sending') THEN {TO_COME}
         WHEN d.state = 'unknown' THEN {UNKNOWN} WHEN d.state = 'skipped' THEN {LEFT_OUT} ELSE {FAILED} END"""
_OUTCOMES = f"""
    SELECT string_agg(int8send(subscriber_id) || int2send(outcome::int2), '' ORDER BY subscriber_id) FROM (
        SELECT c.subscriber_id, max({_OUTCOME}) AS outcome FROM deliveries d JOIN contacts c ON c.id = d.contact_id
         WHERE d.alert_id = %(alert)s AND c.subscriber_id IS NOT NULL GROUP BY c.subscriber_id) AS best"""
_ROW = np.dtype([("resident", ">i8"), ("outcome", ">i2")])  # as PostgreSQL's send functions write them


@dataclass(frozen=True, slots=True)
class ZoneReach:
    """The residents with a place in the area and in a zone, as they live now, by the best outcome on any channel.

    `failed`: nothing that was written to them arrived, or it was stopped before it left. The rest of `residents` were
    left out. Of the kind ELSEWHERE: those in the area and in no zone; PLACELESS: without a place.
    """

    kind: str
    zone: str
    residents: int
    reached: int
    to_come: int
    unknown: int
    failed: int

    @property
    def label(self) -> str:
        return explanation.label(self.zone, self.kind)

    @property
    def left_out(self) -> int:
        return self.residents - self.reached - self.to_come - self.unknown - self.failed


@dataclass(frozen=True, slots=True)
class ZoneResidents:
    """The ids of the residents with a place in the area and in a zone, or in none, ascending."""

    kind: str
    zone: str
    ids: NDArray[np.int64]


def residents(s: Session, alert: Alert, now: datetime) -> Sequence[ZoneResidents]:
    """Return those of the alert's own zones or, if it has none, of all current ones that it touches; then those in the
    area and in no zone; then, of the whole city, those without a place."""
    area = audience.membership(alert)
    places, placeless = audience.places_inside(s, area, now), audience.placeless_in(s, area, now)
    return [ZoneResidents(*row) for row in explanation.by_zone(s, alert.id, places, placeless)]


def reach(s: Session, alert: Alert, zones: Sequence[ZoneResidents]) -> tuple[ZoneReach, ...]:
    """Return who was reached in each of these zones, up to this moment. While the audience is being resolved, whoever
    has no message yet may still get one."""
    resolving = alert.fanout_done_at is None and alert.state in {AlertState.SENDING, AlertState.PAUSED}
    with raw(s).cursor(binary=True) as cursor:
        found = cursor.execute(_OUTCOMES, {"alert": alert.id}).fetchone()
    rows = np.frombuffer(found[0] or b"" if found else b"", dtype=_ROW)
    written_to, outcome = rows["resident"].astype(np.int64), rows["outcome"].astype(np.int64)
    return tuple(_of_zone(zone, written_to, outcome, resolving=resolving) for zone in zones)


def _of_zone(
    zone: ZoneResidents, written_to: NDArray[np.int64], outcome: NDArray[np.int64], *, resolving: bool
) -> ZoneReach:
    _, _, there = np.intersect1d(zone.ids, written_to, assume_unique=True, return_indices=True)
    n = np.bincount(outcome[there], minlength=REACHED + 1).tolist()
    to_come = n[TO_COME] + (zone.ids.size - there.size if resolving else 0)
    return ZoneReach(zone.kind, zone.zone, zone.ids.size, n[REACHED], to_come, n[UNKNOWN], n[FAILED])
