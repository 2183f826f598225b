"""When a reader of a notice will be reminded of what it changes: known before `readers` takes them in, so that they can
refuse."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.settings import settings
from notify.delivery.direct_conditions import MUTED, REMINDED_AT
from notify.models.reminder import NEVER
from notify.service311 import calendars
from notify.service311.reminders import due, readers
from notify.service311.reminders.due import AtPlace
from notify.service311.reminders.places import Places
from notify.service311.reminders.wishes import CHANNELS_OF


def of(s: Session, subscriber_id: int, now: datetime) -> tuple[date, ...]:
    """Return the evenings on which a resident will be reminded of what a notice changes at their places, at
    `readers.HOUR`; none of those for which they have a wish already or that are muted, and none of who wishes more, or
    refused."""
    edition, today = calendars.current(s), calendars.today(now)
    values = {
        "id": subscriber_id, "today": today, "channels": list(CHANNELS_OF), "zone": settings().timezone,
    }  # fmt: skip
    days = s.scalars(text(_DAYS), values).all()
    if edition is None or not days:
        return ()
    places = Places(s, [subscriber_id]).calendars(edition, today).get(subscriber_id, [])
    said = {day: [AtPlace(place, due.on(day, one.collections)) for place, one in places] for day in days}
    evenings = [day - timedelta(days=1) for day in days if due.changes(said[day])]
    return tuple(evening for evening in evenings if not _is_muted(s, subscriber_id, evening))


def _is_muted(s: Session, subscriber_id: int, evening: date) -> bool:
    """Return whether collections are muted at the hour of an evening's reminders."""
    at = datetime.combine(evening, time(readers.HOUR), settings().tz)
    return bool(s.execute(text(_MUTED), {"id": subscriber_id, "now": at}).scalar_one())


_MUTED = f"SELECT {MUTED} FROM (SELECT CAST(:id AS bigint) AS subscriber_id) c"  # noqa: S608  names of ours

# As `readers` takes them in, and `evening` reminds them.
_DAYS = f"""
    SELECT DISTINCT moved
      FROM collection_notices n JOIN alerts a ON a.id = n.alert_id CROSS JOIN unnest(n.remind_days) AS moved
     WHERE n.last_day >= :today AND moved > :today AND coalesce(n.reminded_day < moved, true)
       AND a.state IN ('sending', 'paused', 'sent')
       AND a.launched_at < CAST(moved - 1 AS timestamp) AT TIME ZONE CAST(:zone AS text)
       AND EXISTS (SELECT FROM contacts c JOIN deliveries d ON (d.alert_id, d.contact_id) = (a.id, c.id)
                    WHERE c.subscriber_id = :id AND c.channel = ANY(CAST(:channels AS text[])) AND {REMINDED_AT}
                      AND d.state IN ('accepted', 'delivered', 'unknown'))
       AND EXISTS (SELECT FROM preferences p WHERE p.subscriber_id = :id AND p.topic = 'collection')
       AND NOT EXISTS (SELECT FROM reminder_wishes w WHERE w.subscriber_id = :id
                          AND (w.until_day IS NULL OR w.until_day >= moved OR w.until_day = '{NEVER}'))
     ORDER BY moved
"""  # noqa: S608  names of ours
