"""What residents have read of an evening by now. What still waits was not read: it is taken back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.delivery.direct_conditions import SAID_BY_NOTICE
from notify.service311.reminders import due
from notify.service311.reminders.due import AtPlace

REPLACED = "replaced"  # the reason of a message that was taken back
UNKNOWN = ("claimed", "unknown")
READ = ("accepted", *UNKNOWN)  # perhaps


@dataclass(slots=True)
class Heard:
    """`row`, `said`: what was read last of the day; None for nothing. `since`: the edition that was compared before a
    message that was taken back; None without one. `again`: the reminder of the evening was taken back, and will be
    written anew. `unknown`: other messages that may go out once more, because nobody knows yet whether they did."""

    row: int | None = None
    said: tuple[AtPlace, ...] = ()
    since: int | None = None
    again: bool = False
    unknown: list[int] = field(default_factory=list)


def take_back(s: Session, residents: Sequence[int], day: date, now: datetime) -> Mapping[int, Heard]:
    """Return what these residents, whose wishes are locked, have read of a day's collections; take back the rest."""
    rows = s.execute(
        text(_ROWS), {"ids": list(residents), "day": day, "eve": day - timedelta(days=1), "now": now}
    ).all()
    # What a notice said in its place was read there, and is closed unsent.
    messages = [row.message_id for row in rows if row.state == "waiting" and not row.by_notice]
    waiting = set(s.scalars(text(_WAITING), {"ids": messages}))  # locked: nobody claims them meanwhile
    heard = {one: Heard() for one in residents}
    for row in rows:
        _note(heard[row.subscriber_id], row, row.message_id in waiting, day, now)
    back = [row for row in rows if row.message_id in waiting]
    _delete(s, back, now)
    again = [row.subscriber_id for row in back if row.kind == "evening"]
    s.execute(text(_AGAIN), {"ids": again, "eve": day - timedelta(days=1)})
    return heard


def _note(heard: Heard, row: Any, waits: bool, day: date, now: datetime) -> None:
    if waits and row.kind == "evening":
        heard.again = row.until > now  # or else it comes too late
    elif waits:
        heard.since = min(row.said["since"], heard.since or row.said["since"])
    elif row.day == day and row.kind != "change" and (row.state in READ or row.by_notice or row.message_id is None):
        heard.row = row.id
        heard.said = due.read(row.said if row.kind == "evening" else row.said["day"])
    elif row.kind != "evening" and row.state in UNKNOWN:
        heard.unknown.append(row.id)


def _delete(s: Session, rows: Iterable[Any], now: datetime) -> None:
    given = [(row.id, row.message_id) for row in rows]
    if given:
        values = {"rows": [row for row, _ in given], "messages": [one for _, one in given], "now": now, "why": REPLACED}
        s.execute(text(_CANCEL), values)
        s.execute(text("DELETE FROM reminders WHERE id = ANY(CAST(:rows AS bigint[]))"), values)


# Each half has an index that begins with the resident.
_ROWS = f"""
    SELECT r.id, r.subscriber_id, r.kind, r.day, r.said, r.until, r.message_id, m.state,
           m.id IS NOT NULL AND {SAID_BY_NOTICE} AS by_notice
      FROM (SELECT * FROM reminders WHERE kind = 'evening' AND day = :day
                                      AND subscriber_id = ANY(CAST(:ids AS bigint[]))
            UNION ALL
            SELECT * FROM reminders WHERE kind <> 'evening' AND (day >= :eve OR until > :now)
                                      AND subscriber_id = ANY(CAST(:ids AS bigint[]))) r
      LEFT JOIN direct_messages m ON m.id = r.message_id
     ORDER BY r.id
"""  # noqa: S608  names of ours
_WAITING = """
    SELECT id FROM direct_messages WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'waiting' ORDER BY id FOR UPDATE
"""
_CANCEL = """
    UPDATE direct_messages SET state = 'failed', reason = :why, settled_at = :now
     WHERE id = ANY(CAST(:messages AS bigint[]))
"""
_AGAIN = "UPDATE reminder_wishes SET seen_day = :eve WHERE subscriber_id = ANY(CAST(:ids AS bigint[]))"
