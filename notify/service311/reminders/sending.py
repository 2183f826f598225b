"""Write reminders down, each with its message, in the caller's transaction. A unique index keeps a second one away."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.delivery.reminder_places import KIND
from notify.service311.reminders import due
from notify.service311.reminders.due import AtPlace
from notify.service311.reminders.words import Words

Kind = Literal["evening", "correction", "change"]


@dataclass(frozen=True, slots=True)
class Reminder:
    """`contact`: where it goes, on a channel. `places`: whose addresses stand in the words, in their order. `until`:
    when it comes too late. `words`: None without a message. `any_hour`: it does not wait for the end of quiet hours.
    `since`: of a change or correction, the edition that was compared before. `notice`: the alert of one that tells the
    same, and that they do not have yet; the message is held for it (`direct_conditions.HELD`)."""

    subscriber: int
    contact: int
    channel: str
    kind: Kind
    day: date
    edition: int
    said: tuple[AtPlace, ...]
    places: Sequence[int]
    words: Words | None
    until: datetime
    any_hour: bool = True
    since: int = 0
    notice: int | None = None


def write(s: Session, reminders: Sequence[Reminder], now: datetime) -> int:
    """Write them down, but for those who have theirs already. Returns how many are new."""
    if not reminders:
        return 0
    rows = s.execute(text(_REMINDERS), _columns(reminders, now)).all()
    new = {row.subscriber_id: row.id for row in rows}
    fresh = [one for one in reminders if one.subscriber in new]
    if any(one.words for one in fresh):
        told = [one for one in fresh if one.words]
        messages = s.execute(text(_MESSAGES), {**_message_columns(told), "kind": KIND, "now": now}).all()
        by_contact = {row.contact_id: row.id for row in messages}
        s.execute(
            text(_LINK),
            {"ids": [new[one.subscriber] for one in told], "messages": [by_contact[one.contact] for one in told]},
        )
    return len(fresh)


def _columns(reminders: Sequence[Reminder], now: datetime) -> dict[str, Any]:
    return {
        "subscribers": [one.subscriber for one in reminders],
        "kinds": [one.kind for one in reminders],
        "days": [one.day for one in reminders],
        "editions": [one.edition for one in reminders],
        "said": [json.dumps(_said(one)) for one in reminders],
        "places": [f"{{{','.join(map(str, one.places))}}}" for one in reminders],
        "until": [one.until for one in reminders],
        "now": now,
    }


def _said(one: Reminder) -> object:
    said = due.kept(one.said)
    return said if one.kind == "evening" else {"since": one.since, "day": said, "notice": one.notice}


def _message_columns(reminders: Sequence[Reminder]) -> dict[str, Any]:
    return {
        "contacts": [one.contact for one in reminders],
        "channels": [one.channel for one in reminders],
        "subjects": [one.words.subject if one.words else "" for one in reminders],
        "texts": [one.words.text if one.words else "" for one in reminders],
        "any_hour": [one.any_hour for one in reminders],
    }


_REMINDERS = """
    INSERT INTO reminders (subscriber_id, kind, day, edition, true_in, said, places, made_at, until)
    SELECT x.subscriber, x.kind, x.day, x.edition, x.edition, CAST(x.said AS jsonb), CAST(x.places AS bigint[]),
           :now, x.until
      FROM unnest(CAST(:subscribers AS bigint[]), CAST(:kinds AS text[]), CAST(:days AS date[]),
                  CAST(:editions AS integer[]), CAST(:said AS text[]), CAST(:places AS text[]),
                  CAST(:until AS timestamptz[])) AS x (subscriber, kind, day, edition, said, places, until)
    ON CONFLICT DO NOTHING RETURNING id, subscriber_id
"""
_MESSAGES = """
    INSERT INTO direct_messages (kind, contact_id, step, channel, subject, text, state, made_at, any_hour)
    SELECT :kind, x.contact, 1, x.channel, x.subject, x.words, 'waiting', :now, x.any_hour
      FROM unnest(CAST(:contacts AS bigint[]), CAST(:channels AS text[]), CAST(:subjects AS text[]),
                  CAST(:texts AS text[]), CAST(:any_hour AS boolean[]))
                  AS x (contact, channel, subject, words, any_hour)
    RETURNING id, contact_id
"""
_LINK = """
    UPDATE reminders r SET message_id = x.message
      FROM unnest(CAST(:ids AS bigint[]), CAST(:messages AS bigint[])) AS x (id, message) WHERE r.id = x.id
"""
