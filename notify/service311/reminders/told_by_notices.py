"""What notices tell: who gets one needs no message of ours about the same."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import rules
from notify.delivery.direct_conditions import NOTICE_MISSED, NOTICE_READ
from notify.service311.calendars import Calendar
from notify.service311.edition_schedules import House
from notify.service311.reminders.changes import Change

Days = frozenset[tuple[int | str, str, date]]
BEFORE = timedelta(days=7)  # a collection may be told under a day that is over

_WAITS = ("draft", "approved", "scheduled")
_LAUNCHED = ("sending", "paused")


@dataclass(frozen=True, slots=True)
class Told:
    """A notice. `edition`: in which it is true. `state`, `severity`: of its alert; the latter as a rank. `days`: with
    stream, nominal ones of a zone, or of the address of a house with days of its own. `read`, `missed`: residents, with
    a channel, who have it there, and who will not."""

    alert: int
    edition: int
    state: str
    channels: Collection[str]
    severity: int | None
    days: Days
    read: Collection[tuple[int, str]] = ()
    missed: Collection[tuple[int, str]] = ()

    def reaches(self, channel: str, lowest_severity: int | None) -> bool:
        """Return whether somebody who wants collection news gets it on a channel."""
        return channel in self.channels and (lowest_severity or 0) <= (self.severity or 0)

    def is_read(self, resident: int, channel: str) -> bool:
        """Return whether they have it, whatever became of it afterwards (`direct_conditions.SAID_BY_NOTICE`)."""
        return (resident, channel) in self.read or (self.state == "sent" and (resident, channel) not in self.missed)

    def may_come(self, resident: int, channel: str, *, launched: bool) -> bool:
        """Return whether they may get it yet. `launched`: only if it does not wait for an approval or its time."""
        at = resident, channel
        is_coming = self.state in _LAUNCHED or (self.state in _WAITS and not launched)
        return is_coming and at not in self.read and at not in self.missed

    def tells(self, change: Change, at: Calendar) -> bool:
        """Return whether it tells a change there. Of a house with days of its own it tells those, and nothing of its
        zone."""
        places = [at.address] if at.address else [zone for zone, _name in at.zones]
        return any((place, change.stream, change.nominal) in self.days for place in places)


class Notices:
    """The notices whose days are not long over. What each tells is read once."""

    def __init__(self) -> None:
        self._days: dict[tuple[int, int], Days] = {}

    def now(self, s: Session, edition: int, residents: Sequence[int], today: date) -> list[Told]:
        """Return them as they are for some residents, the newest first: what replaces another comes before it."""
        rows = s.execute(text(_NOTICES), {"since": today - BEFORE}).all()
        self._read(s, [row.id for row in rows if (row.id, edition) not in self._days], edition)
        launched = [row.alert_id for row in rows if row.state not in _WAITS]
        values = {"alerts": launched, "residents": list(residents)}
        fates = s.execute(text(_FATES), values).all() if launched else []
        return [
            Told(
                row.alert_id, row.edition, row.state, row.channels, rules.rank(row.severity),
                self._days[row.id, edition],
                {(one.subscriber_id, one.channel) for one in fates if one.alert_id == row.alert_id and one.read},
                {(one.subscriber_id, one.channel) for one in fates if one.alert_id == row.alert_id and not one.read},
            )
            for row in rows
        ]  # fmt: skip

    def _read(self, s: Session, ids: Sequence[int], edition: int) -> None:
        """Read what notices tell. The address of a house is that of this edition."""
        rows = s.execute(text(_PARTS), {"ids": list(ids)}).all() if ids else []
        houses = _addresses(s, edition, {house for row in rows for part in row.parts for house in _houses(part)})
        for row in rows:
            self._days[row.id, edition] = frozenset(
                (place, stream, date.fromisoformat(day))
                for part in row.parts
                for place in (*part["zones"], *(houses[at] for at in _houses(part) if at in houses))
                for stream in part["streams"] for day in part["days"]
            )  # fmt: skip


def _houses(part: Mapping[str, Any]) -> list[House]:
    return [House(*at) for at in part.get("houses", ())]


def _addresses(s: Session, edition: int, houses: Collection[House]) -> dict[House, str]:
    """Return the addresses of houses; of several at one point none, as a notice names none of them."""
    at = {"lon": [one.lon for one in houses], "lat": [one.lat for one in houses], "edition": edition}
    return {House(row.lon, row.lat): row.address for row in s.execute(text(_ADDRESSES), at)} if houses else {}


# Of one that was stopped before it was launched nobody was told.
_NOTICES = """
    SELECT n.id, n.alert_id, n.edition, a.channels, a.severity, a.state::text AS state
      FROM collection_notices n JOIN alerts a ON a.id = n.alert_id
     WHERE n.last_day >= :since AND (a.launched_at IS NOT NULL OR a.state IN ('draft', 'approved', 'scheduled'))
     ORDER BY n.id DESC
"""
_PARTS = "SELECT id, parts FROM collection_notices WHERE id = ANY(CAST(:ids AS bigint[]))"
_FATES = f"""
    SELECT d.alert_id, c.subscriber_id, c.channel, bool_or(d.state IN ({NOTICE_READ})) AS read
      FROM contacts c JOIN deliveries d ON d.contact_id = c.id AND d.alert_id = ANY(CAST(:alerts AS bigint[]))
     WHERE c.subscriber_id = ANY(CAST(:residents AS bigint[])) AND d.state IN ({NOTICE_READ}, {NOTICE_MISSED})
     GROUP BY 1, 2, 3
"""  # noqa: S608  names of ours
_ADDRESSES = """
    SELECT lon, lat, min(address) AS address FROM collection_schedules
     WHERE (lon, lat) IN (SELECT * FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[])))
       AND from_edition <= :edition AND coalesce(until_edition > :edition, true)
     GROUP BY lon, lat HAVING count(DISTINCT address) = 1
"""
