"""The readers of a notice are reminded the evening before each day to which it moves something, or on which it calls
something off: by a wish that ends with the last of these days. Who wishes more, or wants no reminders, is left alone.
"""

from datetime import date, datetime, time, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from notify.core.db import transaction
from notify.core.settings import settings
from notify.models.reminder import NEVER
from notify.service311 import calendars
from notify.service311.reminders.wishes import CHANNELS_OF

HOUR = 18  # o'clock: they chose none


def begin(now: datetime) -> int:
    """Take in who has a notice that reminds of tomorrow, once its hour has come. Returns how many were taken in.

    A notice that went out on the evening's own day was read today: it has no reminder.
    """
    here = now.astimezone(settings().tz)
    if here.hour < HOUR:
        return 0
    day, midnight = here.date() + timedelta(days=1), datetime.combine(here.date(), time(0), here.tzinfo)
    with transaction() as s:  # of its own: an erasure waits for none of these
        s.execute(text(_OVER), {"today": here.date(), "never": NEVER})
    with transaction() as s:
        notices = s.execute(text(_NOTICES), {"day": day, "before": midnight}).all()
        return sum(_take_in(s, one.id, one.alert_id, day, now) for one in notices)


def _take_in(s: Session, notice: int, alert: int, day: date, now: datetime) -> int:
    edition = calendars.current(s)
    values = {
        "notice": notice, "alert": alert, "day": day, "today": calendars.today(now), "now": now, "hour": HOUR,
        "channels": list(CHANNELS_OF), "edition": edition.number if edition else 0, "never": NEVER,
    }  # fmt: skip
    taken_in = cast("CursorResult[Any]", s.execute(text(_READERS), values)).rowcount
    s.execute(text("UPDATE collection_notices SET reminded_day = :day WHERE id = :notice"), values)
    return taken_in


_NOTICES = """
    SELECT n.id, n.alert_id FROM collection_notices n JOIN alerts a ON a.id = n.alert_id
     WHERE :day = ANY(n.remind_days) AND coalesce(n.reminded_day < :day, true)
       AND a.state IN ('sending', 'paused', 'sent') AND a.launched_at < :before
     ORDER BY n.id FOR UPDATE OF n SKIP LOCKED
"""
# What an earlier notice left may be of another channel.
_OVER = """
    DELETE FROM reminder_wishes WHERE subscriber_id IN (
        SELECT subscriber_id FROM reminder_wishes WHERE until_day < :today AND until_day > CAST(:never AS date)
           FOR UPDATE SKIP LOCKED)
"""
# One a resident, a text message rather than an email. In order of residents, so that two notices do not wait for each
# other.
_READERS = """
    INSERT INTO reminder_wishes (subscriber_id, hour, channel, since, seen_day, seen_edition, until_day)
    SELECT DISTINCT ON (c.subscriber_id) c.subscriber_id, :hour, c.channel, :now, :today, :edition,
           (SELECT max(x) FROM collection_notices n CROSS JOIN unnest(n.remind_days) x WHERE n.id = :notice)
      FROM deliveries d JOIN contacts c ON c.id = d.contact_id JOIN subscribers r ON r.id = c.subscriber_id
     WHERE d.alert_id = :alert AND d.state IN ('accepted', 'delivered', 'unknown') AND r.erased_at IS NULL
       AND c.channel = ANY(CAST(:channels AS text[]))
     ORDER BY c.subscriber_id, array_position(CAST(:channels AS text[]), c.channel)
        ON CONFLICT (subscriber_id) DO UPDATE SET until_day = greatest(reminder_wishes.until_day, excluded.until_day)
                 WHERE reminder_wishes.until_day > CAST(:never AS date)
"""
