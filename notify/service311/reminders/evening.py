"""The reminders of an evening: for each wish whose hour has come, what is due tomorrow at all places of the resident.

In batches that are committed one by one: whatever is killed, the next run goes on where it was. A batch is a row for
each resident, locked; what another process has is skipped.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery.direct_conditions import MUTED, REMINDED_AT, WISHED
from notify.service311 import calendars
from notify.service311.calendars import Edition
from notify.service311.reminders import due, sending, words
from notify.service311.reminders.aside import Aside
from notify.service311.reminders.due import AtPlace
from notify.service311.reminders.places import Places
from notify.service311.reminders.sending import Reminder
from notify.service311.reminders.wishes import HOURS

AT_ONCE = 500
DAY = timedelta(days=1)

Clock = Callable[[], datetime]


def remind(clock: Clock, aside: Aside) -> int:
    """Remind everybody whose hour has come; from midnight on, nobody of the day that has begun. Returns how many were
    reminded. One resident who cannot be read or written down is set `aside`, and keeps no other waiting."""
    reminded = 0
    while True:
        now = clock()
        with transaction() as s:
            ids = _waiting(s, now, aside.now())
        done = aside.each(ids, partial(_together, now=now), "remind", now) if ids else []
        reminded += sum(made for _, made in done)
        if not any(seen for seen, _ in done):  # the others are in another process
            return reminded


def until(day: date) -> datetime:
    """Return when a reminder of a day's collections comes too late: at the midnight before."""
    return datetime.combine(day, time(0), settings().tz)


def _waiting(s: Session, now: datetime, without: Collection[int]) -> Sequence[int]:
    """Return the first residents who are due. Before the first edition, nobody is."""
    if calendars.current(s) is None:
        return []
    return s.scalars(text(_WAITING), {**_hours(now), "without": list(without), "most": AT_ONCE}).all()


def _together(ids: Sequence[int], now: datetime) -> tuple[int, int]:
    """Return how many residents were looked at, and how many reminded."""
    with transaction() as s:
        rows = s.execute(text(_DUE), {**_hours(now), "ids": list(ids), "now": now}).all()
        edition = calendars.current(s)  # after the lock: `news` compares what is newer
        if edition is None or not rows:
            return 0, 0
        made = sending.write(s, list(_made(s, rows, edition, calendars.today(now))), now)
        seen = {"ids": [row.subscriber_id for row in rows], "day": calendars.today(now) + DAY}
        s.execute(
            text("UPDATE reminder_wishes SET seen_day = :day WHERE subscriber_id = ANY(CAST(:ids AS bigint[]))"), seen
        )
        return len(rows), made


def _made(s: Session, rows: Sequence[Any], edition: Edition, today: date) -> Sequence[Reminder]:
    reached = [row for row in rows if row.contact_id is not None and not row.muted]
    by_resident = Places(s, [row.subscriber_id for row in reached]).calendars(edition, today)
    day, made = today + DAY, []
    for row in reached:
        of_places = ((place, due.on(day, one.collections)) for place, one in by_resident.get(row.subscriber_id, ()))
        said = tuple(AtPlace(place, facts) for place, facts in of_places if facts)
        if said and (row.asked or due.changes(said)):
            letter = CHANNELS[row.channel].letter
            made.append(
                Reminder(
                    row.subscriber_id, row.contact_id, row.channel, "evening", day, edition.number, said,
                    words.named(said),
                    words.evening(day, edition.number, said, row.language, letter, asked=row.asked), until(day),
                    any_hour=row.asked,
                )
            )  # fmt: skip
    return made


def _hours(now: datetime) -> dict[str, Any]:
    """Return the hours that have come today, on the city's clocks, and the day of which residents are reminded."""
    here = now.astimezone(settings().tz)
    return {"hours": [hour for hour in HOURS if hour <= here.hour], "day": here.date() + DAY}


_OF_HOUR = f"w.hour = ANY(CAST(:hours AS smallint[])) AND w.seen_day < :day AND {WISHED.format(day=':day')}"
_WAITING = f"""
    SELECT w.subscriber_id FROM reminder_wishes w
     WHERE {_OF_HOUR} AND w.subscriber_id <> ALL(CAST(:without AS bigint[])) LIMIT :most
"""  # noqa: S608  names of ours
# The resident is locked as well, against an erasure, which begins with them.
_DUE = f"""
    SELECT w.subscriber_id, w.channel, r.language, c.id AS contact_id, w.until_day IS NULL AS asked,
           coalesce({MUTED}, false) AS muted
      FROM reminder_wishes w JOIN subscribers r ON r.id = w.subscriber_id
      LEFT JOIN LATERAL (SELECT c.id, c.subscriber_id FROM contacts c
                          WHERE c.subscriber_id = w.subscriber_id AND c.channel = w.channel AND {REMINDED_AT}
                          ORDER BY c.id LIMIT 1) c ON true
     WHERE w.subscriber_id = ANY(CAST(:ids AS bigint[])) AND {_OF_HOUR} AND r.erased_at IS NULL
     ORDER BY w.subscriber_id FOR UPDATE OF w SKIP LOCKED FOR KEY SHARE OF r SKIP LOCKED
"""  # noqa: S608  names of ours
