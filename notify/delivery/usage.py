"""Count in PostgreSQL how much of a sender's daily cap is used (law 1).

In Redis the throttle counts the tokens that it hands out, and this is asked only where that memory is missing. So no
index serves it, which each claim would have to pay for: it reads the deliveries of the alerts that were in work today.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from notify.core.db import transaction

CAP_DAY = ZoneInfo("America/Los_Angeles")  # T-Mobile's daily caps reset at midnight Pacific


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return when a day of the caps begins and ends, aware, UTC; 23 or 25 hours apart when the clocks change."""
    begins, ends = (datetime.combine(d, time(), CAP_DAY).astimezone(UTC) for d in (day, day + timedelta(days=1)))
    return begins, ends


def used_on(sender_id: int, day: date) -> int:
    """Return the tokens that the provider took from this sender on a day, may have taken, or is being sent."""
    begins, ends = day_bounds(day)
    with transaction() as s:
        return int(s.execute(text(_USED), {"sender": sender_id, "begins": begins, "ends": ends}).scalar_one())


# A refused delivery has no reference; one that a receipt ended as failed has.
# What was sent to one person counts as well.
_USED = """
    SELECT coalesce(sum(w.cost), 0)
           + (SELECT coalesce(sum(m.cost), 0) FROM direct_messages m
               WHERE m.sender_id = :sender AND m.claimed_at >= :begins AND m.claimed_at < :ends
                 AND (m.state IN ('claimed', 'accepted', 'unknown') OR m.state = 'failed' AND m.reference <> ''))
      FROM alerts a JOIN batches b ON b.alert_id = a.id JOIN deliveries d ON d.batch_id = b.id
      JOIN contents w ON (w.alert_id, w.channel, w.language, w.wording) = (b.alert_id, b.channel, b.language, b.wording)
     WHERE a.launched_at < :ends AND (a.finished_at IS NULL OR a.finished_at >= :begins)
       AND d.sender_id = :sender AND d.claimed_at >= :begins AND d.claimed_at < :ends
       AND (d.state IN ('sending', 'accepted', 'unknown', 'delivered', 'undelivered')
            OR d.state = 'failed' AND d.reference IS NOT NULL)
"""
