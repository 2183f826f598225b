"""Reminders that waited until their day had begun: they are not sent, and staff are told how many."""

from collections import Counter
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import alarms
from notify.core.counting import counted


def close(s: Session, now: datetime) -> int:
    """Close what comes too late for its day, and ring an alarm for each day. Returns how many."""
    days = Counter(s.scalars(text(_TOO_LATE), {"now": now}))
    for day, count in days.items():
        said = (
            f"{counted(count, 'reminder')} of the collections on {day} waited until it was too late, and"
            f" {'was' if count == 1 else 'were'} not sent."
        )
        alarms.sound(s, alarms.REMINDERS_UNSENT, said, now, about=str(day))
    return days.total()


_TOO_LATE = """
    UPDATE direct_messages m SET state = 'failed', reason = 'too-late', settled_at = :now
      FROM reminders r JOIN reminder_wishes USING (subscriber_id)
     WHERE r.message_id = m.id AND m.kind = 'reminder' AND m.state = 'waiting' AND r.until <= :now
    RETURNING r.day
"""
