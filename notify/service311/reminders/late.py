"""Reminders that waited until their day had begun: they are not sent, and staff are told how many."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import alarms
from notify.core.counting import counted
from notify.delivery.direct_conditions import WISHED
from notify.delivery.direct_messages import MOST_LOOKED_AT


def close(s: Session, now: datetime) -> int:
    """Close what comes too late for its day, and ring an alarm for each day. Returns how many.

    Only the first that wait are looked at, as where they are sent: there may be a million.
    """
    late = s.scalars(text(_TOO_LATE), {"now": now, "most": MOST_LOOKED_AT}).all()
    for day in sorted(set(late)):
        count = s.scalar(text(_OF_DAY), {"day": day}) or 0
        said = (
            f"{counted(count, 'reminder')} of the collections on {day} waited until it was too late, and"
            f" {'was' if count == 1 else 'were'} not sent."
        )
        alarms.sound(s, alarms.REMINDERS_UNSENT, said, now, about=str(day))
    return len(late)


_TOO_LATE = f"""
    UPDATE direct_messages m SET state = 'failed', reason = 'too-late', settled_at = :now
      FROM reminders r JOIN reminder_wishes w USING (subscriber_id)
     WHERE m.id IN (SELECT id FROM direct_messages WHERE kind = 'reminder' AND state = 'waiting'
                     ORDER BY id LIMIT :most)
           AND r.message_id = m.id AND r.until <= :now AND {WISHED.format(day="r.day")}
           AND (m.any_hour OR r.kind <> 'evening')
    RETURNING r.day
"""  # noqa: S608  names of ours
_OF_DAY = """
    SELECT count(*) FROM reminders r JOIN direct_messages m ON m.id = r.message_id
     WHERE r.day = :day AND m.state = 'failed' AND m.reason = 'too-late'
"""
