"""What notices tell: who gets one needs no message of ours about the same."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import rules
from notify.service311.reminders.changes import Change


@dataclass(frozen=True, slots=True)
class Told:
    """A notice. `waits`: it has not gone out yet. `severity`: the rank of its alert. `days`: with zone and stream,
    nominal ones."""

    alert: int
    waits: bool
    channels: Collection[str]
    severity: int | None
    days: frozenset[tuple[int, str, date]]

    def reaches(self, channel: str, lowest_severity: int | None) -> bool:
        """Return whether somebody who wants collection news gets it on a channel."""
        return channel in self.channels and (lowest_severity or 0) <= (self.severity or 0)

    def tells(self, change: Change, zones: Sequence[tuple[int, str]]) -> bool:
        return any((zone, change.stream, change.nominal) in self.days for zone, _name in zones)


def notices(s: Session, edition: int) -> list[Told]:
    """Return the notices of an edition that are going out or out, and those that wait, of any edition: they are true in
    this one, or cancelled soon."""
    return [
        Told(
            row.alert_id, row.waits, row.channels, rules.rank(row.severity),
            frozenset(
                (int(zone), stream, date.fromisoformat(day))
                for part in row.parts for zone in part["zones"] for stream in part["streams"] for day in part["days"]
            ),
        )
        for row in s.execute(text(_NOTICES), {"edition": edition})
    ]  # fmt: skip


_NOTICES = """
    SELECT n.alert_id, n.parts, a.channels, a.severity, a.launched_at IS NULL AS waits
      FROM collection_notices n JOIN alerts a ON a.id = n.alert_id
     WHERE n.edition = :edition AND a.state IN ('sending', 'paused', 'sent')
        OR a.state IN ('draft', 'approved', 'scheduled')
"""
