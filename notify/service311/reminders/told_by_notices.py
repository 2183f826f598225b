"""What notices tell: who gets one needs no message of ours about the same."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import rules
from notify.service311.calendars import Calendar
from notify.service311.edition_schedules import House
from notify.service311.reminders.changes import Change


@dataclass(frozen=True, slots=True)
class Told:
    """A notice. `waits`: it has not gone out yet. `severity`: the rank of its alert. `days`: with stream,
    nominal ones of a zone, or of the address of a house with days of its own."""

    alert: int
    waits: bool
    channels: Collection[str]
    severity: int | None
    days: frozenset[tuple[int | str, str, date]]

    def reaches(self, channel: str, lowest_severity: int | None) -> bool:
        """Return whether somebody who wants collection news gets it on a channel."""
        return channel in self.channels and (lowest_severity or 0) <= (self.severity or 0)

    def tells(self, change: Change, at: Calendar) -> bool:
        """Return whether it tells a change there. Of a house with days of its own it tells those, and nothing of its
        zone."""
        places = [at.address] if at.address else [zone for zone, _name in at.zones]
        return any((place, change.stream, change.nominal) in self.days for place in places)


def notices(s: Session, edition: int) -> list[Told]:
    """Return the notices of an edition that are going out or out, and those that wait, of any edition: they are true in
    this one, or cancelled soon."""
    rows = s.execute(text(_NOTICES), {"edition": edition}).all()
    houses = _addresses(s, edition, {house for row in rows for part in row.parts for house in _houses(part)})
    return [
        Told(
            row.alert_id, row.waits, row.channels, rules.rank(row.severity),
            frozenset(
                (place, stream, date.fromisoformat(day))
                for part in row.parts
                for place in (*part["zones"], *(houses[at] for at in _houses(part) if at in houses))
                for stream in part["streams"] for day in part["days"]
            ),
        )
        for row in rows
    ]  # fmt: skip


def _houses(part: Mapping[str, Any]) -> list[House]:
    return [House(*at) for at in part.get("houses", ())]


def _addresses(s: Session, edition: int, houses: Collection[House]) -> dict[House, str]:
    """Return the addresses of houses; of several at one point none, as a notice names none of them."""
    at = {"lon": [one.lon for one in houses], "lat": [one.lat for one in houses], "edition": edition}
    return {House(row.lon, row.lat): row.address for row in s.execute(text(_ADDRESSES), at)} if houses else {}


_NOTICES = """
    SELECT n.alert_id, n.parts, a.channels, a.severity, a.launched_at IS NULL AS waits
      FROM collection_notices n JOIN alerts a ON a.id = n.alert_id
     WHERE n.edition = :edition AND a.state IN ('sending', 'paused', 'sent')
        OR a.state IN ('draft', 'approved', 'scheduled')
"""
_ADDRESSES = """
    SELECT lon, lat, min(address) AS address FROM collection_schedules
     WHERE (lon, lat) IN (SELECT * FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[])))
       AND from_edition <= :edition AND coalesce(until_edition > :edition, true)
     GROUP BY lon, lat HAVING count(DISTINCT address) = 1
"""
