"""Whole conversations by text message, as `tests/notify/inbound/conversations.txt` holds them.

    = A section
    == What happens | who writes
    text | reply | what is asked now | what has changed

A line break within a text is written as an arrow: ⏎. The reply is a key of templates/replies, `es:` before one in
Spanish, and "-" for none. What is asked and what has changed are empty for nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import geocoder
from notify.core import crypto
from notify.core.db import transaction
from notify.inbound.replies import catalogue
from notify.subscribers import addresses, conversations, questions
from tests import factories
from tests.notify.city.geocoder.town import house
from tests.notify.service311 import days

TABLE = Path(__file__).parent / "notify" / "inbound" / "conversations.txt"
_phones = count(220)  # the exchange: replies to strangers of one thousand of numbers are limited
# What is in force from the conversation on whose title names it, to the end of the section. With `days-there`,
# collection days are published from there on.
EVENTS: Mapping[str, Mapping[str, Any]] = {"storm-there": {}, "collection-there": {"event": "collection"}}


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    text: str
    reply: str
    asked: str
    changed: str


@dataclass(frozen=True, slots=True)
class Conversation:
    title: str
    who: str
    rows: list[Row] = field(default_factory=list)


def sections() -> Mapping[str, list[Conversation]]:
    """Return the conversations by section."""
    found: dict[str, list[Conversation]] = {}
    for number, line in enumerate(TABLE.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("== "):
            title, _, who = line[3:].partition("|")
            found[next(reversed(found))].append(Conversation(title.strip(), who.strip() or "stranger"))
        elif line.startswith("= "):
            found[line[2:].strip()] = []
        elif line.strip() and not line.startswith("#"):
            words, *cells = (cell.strip() for cell in line.split(" | "))
            reply, asked, changed = [*cells, "", "", ""][:3]
            talk = found[next(reversed(found))][-1]
            talk.rows.append(Row(number, words.replace("⏎", "\n"), reply, asked, changed.rstrip("|").strip()))
    return found


def town(now: datetime) -> None:
    """The houses and zones of the city, and its senders."""
    with transaction() as s:
        factories.zone(s, now=now)
        factories.zone(s, "Fells Point", shapely.box(0.3, 0.3, 0.31, 0.31), "neighbourhood", now=now)
        factories.zone(s, "Roland Park", shapely.box(0.6, 0.6, 0.62, 0.62), "neighbourhood", now=now)
        factories.sender(s, now=now)
        houses = [
            house("120", "MAIN ST", 0.5, 0.5), house("7", "ELM ST", 0.4, 0.4), house("12", "N OAK AVE", 0.2, 0.2),
            house("12", "S OAK AVE", 0.8, 0.8), house("88", "ELM ST", 0.41, 0.4),
            *(house(str(n), "BAY ST", 0.7 + n / 1000, 0.7, zip_code="21201") for n in range(1, 6)),
        ]  # fmt: skip
        geocoder.keep_addresses(s, houses, "city", now, confirmed=True)


def play(talk: Conversation, send: Callable[[str, str, str], str | None], now: datetime) -> Iterator[tuple[Row, Row]]:
    """Write each text from a number of its own, and yield what was expected and what has happened.

    `send`: takes the number, the text and a reference, and returns the reply.
    """
    phone = f"+1215{next(_phones)}0142"
    for event in EVENTS.keys() & set(talk.who.split()):
        factories.alert_launched(now=now, **EVENTS[event])
    if "days-there" in talk.who.split():
        days.settle(now)
    with transaction() as s:
        _set_up(s, talk.who, phone, now)
    before = _state(phone)
    for row in talk.rows:
        reply = send(phone, row.text, f"SM{phone[2:]}{row.line}")
        after = _state(phone)
        changed = " ".join(f"{name}={value}" for name, value in after.items() if before[name] != value)
        yield row, Row(row.line, row.text, key_of(reply), _asked(phone, now), changed)
        before = after


def key_of(reply: str | None) -> str:
    """Return the key of a reply, after the language unless that is English."""
    if reply is None:
        return "-"
    found = [
        (len(re.sub(r"\{\w+\}", "", words)), key if language == "en" else f"{language}:{key}")
        for language, answers in catalogue().items()
        for key, words in answers.items()
        if _pattern(words).fullmatch(reply)
    ]
    return max(found)[1] if found else reply


@cache
def _pattern(words: str) -> re.Pattern[str]:
    """Of a reply whatever its values are; the full stop after one may be gone."""
    return re.compile(
        re.sub(r"\\\{\w+\\\}(\\\.)?", lambda m: ".+?" + (r"\.?" if m[1] else ""), re.escape(words)), re.DOTALL
    )


def _set_up(s: Session, who: str, phone: str, now: datetime) -> None:
    kind, *more = who.split()
    language = "es" if "es" in more else "en"
    if kind == "stranger":
        return
    since = now - timedelta(days=60 if "silent" in more else 1)
    at = () if "placeless" in more else ((0.5, 0.5),)
    tom = factories.resident(
        s, phone=phone, language=language, topics=("storm", "snow"), at=at, verified=kind == "resident", now=since
    )
    s.execute(
        text("UPDATE places SET address_sealed = :sealed WHERE subscriber_id = :id"),
        {"sealed": crypto.seal("120 Main St", "address"), "id": tom.id},
    )
    index = addresses.index("sms", phone)
    if "asked-confirm" in more:
        about = {"words": "You get alerts.", "how": "paper form"}
        s.execute(text("UPDATE contacts SET asked_at = :now WHERE id = :id"), {"now": now, "id": tom.sms})
        questions.ask(s, "sms", index, questions.CONFIRM, text="Reply YES", now=now, **about)
    if "asked-still-there" in more:
        place = s.scalar(text("SELECT id FROM places WHERE subscriber_id = :id"), {"id": tom.id})
        question = f"Still at {questions.PLACE}?"
        questions.ask(
            s, "sms", index, questions.STILL_THERE, text=question, now=now, place="120 Main St", place_id=place
        )


def _state(phone: str) -> dict[str, str]:
    with transaction() as s:
        index = addresses.index("sms", phone)
        row = s.execute(text(_STATE), {"index": index}).one()
    return {name: str(value) for name, value in row._mapping.items()}


def _asked(phone: str, now: datetime) -> str:
    with transaction() as s:
        return conversations.read(s, "sms", addresses.index("sms", phone), now).asked


_STATE = """
    WITH c AS (SELECT * FROM contacts WHERE channel = 'sms' AND address_index = :index)
    SELECT CASE WHEN EXISTS (SELECT FROM c WHERE verified_at IS NOT NULL) THEN 'yes' ELSE 'no' END AS signed,
           (SELECT count(*) FROM places p JOIN c USING (subscriber_id)) AS places,
           (SELECT CASE WHEN count(*) < 9 THEN string_agg(p.topic::text, ',' ORDER BY p.topic) ELSE 'all' END
              FROM preferences p JOIN c USING (subscriber_id)) AS topics,
           CASE WHEN EXISTS (SELECT FROM preferences p JOIN c USING (subscriber_id) WHERE p.muted_until IS NOT NULL)
                THEN 'yes' ELSE 'no' END AS muted,
           coalesce((SELECT r.language FROM subscribers r JOIN c ON c.subscriber_id = r.id), '') AS language,
           CASE WHEN EXISTS (SELECT FROM suppressions WHERE address_index = :index AND topic IS NULL)
                THEN 'yes' ELSE 'no' END AS stopped,
           coalesce((SELECT string_agg(topic::text, ',' ORDER BY topic) FROM suppressions
                      WHERE address_index = :index AND topic IS NOT NULL), '') AS left,
           (SELECT count(*) FROM consents x JOIN c ON c.id = x.contact_id
             WHERE x.kind = 'opt-in' AND x.words <> '') AS agreed,
           coalesce((SELECT w.hour::text FROM reminder_wishes w JOIN c USING (subscriber_id)
                      WHERE w.until_day IS NULL), 'no') AS reminded,
           (SELECT coalesce(sum(count), 0) FROM alarms
             WHERE kind = 'cry-for-help' AND about = 'phone ' || encode(:index, 'hex')) AS cries
"""
