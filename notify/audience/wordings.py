"""Which wording of an alert each resident reads: that of the parts of its area in which they have places.

Who has places in two parts reads the wording of both; one of a set of parts without a wording of its own, and of no
part, the general one, 0.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience.everywhere import LAST_ID
from notify.audience.part_sets import Parts, bits_of, sets_of
from notify.audience.places import Places, places_inside, places_of
from notify.audience.resolve import membership, residents_of
from notify.core import alarms
from notify.models import Alert
from zones.geometry import readable_areas
from zones.membership import Membership

GENERAL = 0


class Readers(NamedTuple):
    """Residents, ascending, and the wording that each of them reads; without any, all read the general one."""

    residents: NDArray[np.int64]
    wordings: NDArray[np.int16]

    def cut(self, start: int, stop: int | None = None) -> "Readers":
        return Readers(self.residents[start:stop], self.wordings[start:stop])

    def wordings_of(self, some: Sequence[int]) -> list[int]:
        """Return the wordings of some of them, in their order; [] if all read the general one."""
        if not self.wordings.size:
            return []
        found: list[int] = self.wordings[np.searchsorted(self.residents, np.asarray(some, dtype=np.int64))].tolist()
        return found


class Wordings:
    """The wordings of one alert, besides the general one. `by_set`: their numbers, by the bits of a set of parts."""

    def __init__(self, parts: Parts, by_set: Mapping[int, int]) -> None:
        self._parts, self._by_set = parts, by_set

    def readers(self, residents: NDArray[np.int64], inside: Places) -> Readers:
        """Return which wording each of these residents, ascending, reads. `inside`: their places in the alert's area,
        of nobody else."""
        at = np.searchsorted(residents, inside.residents)
        sets, place = np.unique(
            sets_of(self._parts, residents.size, at, inside.lon, inside.lat, inside.radius_m), return_inverse=True
        )
        numbers = np.array([self._by_set.get(one, GENERAL) for one in sets.tolist()], dtype=np.int16)
        return Readers(residents, numbers[place])


def read(s: Session, alert_id: int, now: datetime) -> Wordings | None:
    """Return the wordings of an alert besides the general one; None without any.

    If a part cannot be read, all read the general words, with an alarm: who has a place there as well as elsewhere
    would be told of the other place only.
    """
    return read_all(s, [alert_id], now).get(alert_id)


def read_all(s: Session, alerts: Sequence[int], now: datetime) -> dict[int, Wordings]:
    """Return the same of several alerts, in one statement; those without any are left out."""
    rows = s.execute(text(_WORDINGS), {"alerts": list(alerts)}).all() if alerts else []
    areas = readable_areas({bytes(row.area) for row in rows if row.area is not None})
    parts: dict[int, list[tuple[int, bytes]]] = {}
    by_set: dict[int, dict[int, int]] = {}
    for row in rows:
        if row.area is None:
            by_set.setdefault(row.alert_id, {})[bits_of(row.parts)] = row.number
        else:
            parts.setdefault(row.alert_id, []).append((row.number, bytes(row.area)))
    found = {}
    for alert_id, numbers in by_set.items():
        stored = parts.get(alert_id, [])
        if any(area not in areas for _number, area in stored):
            said = f"A part of the area of alert {alert_id} cannot be read: everybody gets its general words."
            alarms.sound(s, alarms.UNREADABLE_ROW, said, now, alert_id=alert_id)
            continue
        found[alert_id] = Wordings([(number, Membership(areas[area])) for number, area in stored], numbers)
    return found


def readers_inside(
    s: Session, area: Membership, wordings: Wordings | None, now: datetime, after: int = 0, through: int = LAST_ID
) -> Readers:
    """Return `resolve.residents_inside`, each with the wording that they read."""
    inside = places_inside(s, area, now, after, through)
    residents = residents_of(s, area, inside, now, after, through)
    return _general(residents) if wordings is None else wordings.readers(residents, inside)


def readers_among(s: Session, alert: Alert, residents: Sequence[int], now: datetime) -> Readers:
    """Return these residents, each once, ascending, with the wording of an alert that they read by their places."""
    found = np.unique(np.asarray(residents, dtype=np.int64))
    wordings = read(s, alert.id, now)
    if wordings is None:
        return _general(found)
    return wordings.readers(found, places_of(s, found.tolist(), now).inside(membership(alert)))


def sent_to(s: Session, alert_id: int, resident: int) -> int:
    """Return the wording in which an alert was written to a resident; the general one if it was not."""
    found: int | None = s.execute(text(_SENT), {"alert": alert_id, "resident": resident}).scalar()
    return found or GENERAL


def _general(residents: NDArray[np.int64]) -> Readers:
    return Readers(residents, np.empty(0, dtype=np.int16))


# All contacts of a resident get the same wording; what is merged into a digest, too.
_SENT = """
    SELECT b.wording FROM contacts c JOIN deliveries d ON (d.alert_id, d.contact_id) = (:alert, c.id)
      JOIN batches b ON b.id = d.batch_id WHERE c.subscriber_id = :resident ORDER BY d.id DESC LIMIT 1
"""
# Wordings with the sets of parts that read them, and the areas of the parts.
_WORDINGS = """
    SELECT alert_id, wording AS number, parts, NULL::bytea AS area FROM wordings WHERE alert_id = ANY(:alerts)
     UNION ALL
    SELECT alert_id, part, NULL, area FROM wording_parts WHERE alert_id = ANY(:alerts)
"""
