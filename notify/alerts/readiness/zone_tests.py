"""When a message written for each zone last left: zones must be known to work before they are needed.

An alert, an exercise or a test whose area names the zone counts once its messages have left, and so does such an
alert's test to an operator. It shows that the zone can be chosen and that its messages leave; not that residents read
them.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

DUE_AFTER = timedelta(days=365)


class ZoneTest(NamedTuple):
    """The last time, and the alert."""

    alert: int
    at: datetime

    def overdue(self, now: datetime) -> bool:
        return now - self.at > DUE_AFTER


def last(s: Session, zone_id: int | None = None) -> dict[int, ZoneTest]:
    """Return the last test of each zone that has one, by its id; or only that of one zone."""
    rows = s.execute(text(_LAST), {"zone": zone_id})
    return {row.zone_id: ZoneTest(row.alert_id, row.at) for row in rows}


_LAST = """
    SELECT DISTINCT ON (v.zone_id) v.zone_id, t.alert_id, t.at
      FROM (SELECT alert_id, max(was_p95_at) AS at FROM predictions WHERE was_p95_at IS NOT NULL GROUP BY alert_id
            UNION ALL
            SELECT alert_id, settled_at FROM direct_messages WHERE kind = 'test' AND state = 'accepted') AS t
      JOIN alert_zones az USING (alert_id)
      JOIN zone_versions v ON v.id = az.zone_version_id
     WHERE CAST(:zone AS bigint) IS NULL OR v.zone_id = :zone
     ORDER BY v.zone_id, t.at DESC
"""
