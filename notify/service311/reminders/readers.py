"""The readers of a notice are reminded the evening before each day to which it moves something, or on which it calls
something off: by a wish that ends with the last of these days. Who wishes more, or wants no reminders, is left alone.
"""

from datetime import date, datetime, time, timedelta

from sqlalchemy import text

from notify.core.db import transaction
from notify.core.settings import settings
from notify.models.reminder import NEVER
from notify.service311 import calendars
from notify.service311.reminders.wishes import CHANNELS_OF

HOUR = 18  # o'clock: they chose none
AT_ONCE = 5_000  # deliveries; who asks for reminders meanwhile waits no longer


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
    return sum(_take_in(one.id, one.alert_id, day, now) for one in notices)


def _take_in(notice: int, alert: int, day: date, now: datetime) -> int:
    """Take in the readers of a notice in batches that are committed one by one, those with a text message before those
    with an email. What was killed begins anew, and finds who is in already."""
    values = {
        "notice": notice, "alert": alert, "day": day, "today": calendars.today(now), "now": now, "hour": HOUR,
        "never": NEVER, "most": AT_ONCE,
    }  # fmt: skip
    taken_in = 0
    for channel in CHANNELS_OF:
        last: int | None = 0
        while last is not None:
            with transaction() as s:
                edition = calendars.current(s)
                of = {"channel": channel, "last": last, "edition": edition.number if edition else 0}
                batch = s.execute(text(_READERS), values | of).one()
            last, taken_in = batch.last, taken_in + batch.taken_in
    with transaction() as s:
        s.execute(text("UPDATE collection_notices SET reminded_day = :day WHERE id = :notice"), values)
    return taken_in


_NOTICES = """
    SELECT n.id, n.alert_id FROM collection_notices n JOIN alerts a ON a.id = n.alert_id
     WHERE :day = ANY(n.remind_days) AND coalesce(n.reminded_day < :day, true)
       AND a.state IN ('sending', 'paused', 'sent') AND a.launched_at < :before
     ORDER BY n.id
"""
# What an earlier notice left may be of another channel.
_OVER = """
    DELETE FROM reminder_wishes WHERE subscriber_id IN (
        SELECT subscriber_id FROM reminder_wishes WHERE until_day < :today AND until_day > CAST(:never AS date)
           FOR UPDATE SKIP LOCKED)
"""
# One a resident. In order of residents, so that two notices do not wait for each other. A second time changes nothing.
_READERS = """
    WITH batch AS MATERIALIZED (
        SELECT contact_id, state FROM deliveries
         WHERE alert_id = :alert AND contact_id > :last ORDER BY contact_id LIMIT :most),
    taken_in AS (
        INSERT INTO reminder_wishes (subscriber_id, hour, channel, since, seen_day, seen_edition, until_day)
        SELECT DISTINCT ON (c.subscriber_id) c.subscriber_id, :hour, c.channel, CAST(:now AS timestamptz),
               CAST(:today AS date), :edition,
               (SELECT max(x) FROM collection_notices n CROSS JOIN unnest(n.remind_days) x WHERE n.id = :notice)
          FROM batch d JOIN contacts c ON c.id = d.contact_id JOIN subscribers r ON r.id = c.subscriber_id
         WHERE d.state IN ('accepted', 'delivered', 'unknown') AND r.erased_at IS NULL AND c.channel = :channel
         ORDER BY c.subscriber_id
            ON CONFLICT (subscriber_id) DO UPDATE SET until_day = excluded.until_day
                     WHERE reminder_wishes.until_day > CAST(:never AS date)
                       AND reminder_wishes.until_day < excluded.until_day
        RETURNING 1)
    SELECT (SELECT max(contact_id) FROM batch) AS last, (SELECT count(*) FROM taken_in) AS taken_in
"""
