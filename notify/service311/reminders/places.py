"""What is due at many residents' places, read together: what has the same zones is computed once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import shapely
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import basemap
from notify.core import crypto, points
from notify.core.errors import Unavailable
from notify.delivery.reminder_places import SEALED_ADDRESS
from notify.service311 import calendars
from notify.service311.calendars import Calendar, Edition

log = structlog.get_logger()

Zones = tuple[tuple[int, str], ...]


class Places:
    """The places of some residents, by resident in the order in which they were added. What is damaged is left out."""

    def __init__(self, s: Session, residents: Sequence[int]) -> None:
        self._s = s
        rows = s.execute(text(_PLACES), {"residents": list(residents)}).all()
        found = points.open_all(
            np.array([row.subscriber_id for row in rows], dtype=np.int64),
            points.blocks([bytes(row.point_sealed) for row in rows]),
        )
        at = list(zip(rows, found.lon.tolist(), found.lat.tolist(), found.readable.tolist(), strict=True))
        for row, *_, readable in at:
            if not readable:
                log.warning("reminders.place_damaged", place=row.id, resident=row.subscriber_id)
        self._at = [(row, lon, lat) for row, lon, lat, readable in at if readable]
        self._zones = self._zones_of()
        self._known: dict[tuple[int, Zones, date], Calendar] = {}

    def calendars(self, edition: Edition, today: date) -> Mapping[int, list[tuple[int, Calendar]]]:
        """Return by resident the id and the calendar of each place, seen on a day."""
        houses = calendars.has_houses(self._s, edition)
        found: dict[int, list[tuple[int, Calendar]]] = defaultdict(list)
        for (row, lon, lat), zones in zip(self._at, self._zones, strict=True):
            one = self._of_zones(edition, zones, today)
            if houses:
                house = calendars.house_at(self._s, edition, lon, lat, _address(row.address_sealed))
                if house.schedules or house.doubtful:
                    one = calendars.in_zones(self._s, edition, zones, today, house)
            found[row.subscriber_id].append((row.id, one))
        return found

    def _of_zones(self, edition: Edition, zones: Zones, today: date) -> Calendar:
        key = (edition.number, zones, today)
        if key not in self._known:
            self._known[key] = calendars.in_zones(self._s, edition, zones, today)
        return self._known[key]

    def _zones_of(self) -> list[Zones]:
        known = basemap.zones_now(self._s, basemap.current(self._s))
        spots = shapely.points([lon for _, lon, _ in self._at], [lat for *_, lat in self._at])
        found: list[list[tuple[int, str]]] = [[] for _ in self._at]
        for spot, row in known.tree.query(spots, predicate="intersects").T.tolist():
            about = known.about[row]
            if about["kind"] == calendars.KIND:
                found[spot].append((int(about["id"]), str(about["name"])))
        return [tuple(sorted(each, key=lambda one: one[1])) for each in found]


def _address(sealed: bytes | None) -> str:
    try:
        return crypto.unseal(bytes(sealed), SEALED_ADDRESS) if sealed else ""
    except Unavailable:
        return ""


_PLACES = """
    SELECT id, subscriber_id, point_sealed, address_sealed FROM places
     WHERE subscriber_id = ANY(CAST(:residents AS bigint[])) ORDER BY id
"""
