"""What each number was asked last, kept in PostgreSQL until it answers: one row a number, its details sealed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.core import crypto, keyring
from notify.core.errors import Unavailable
from notify.models import Conversation

LASTS = timedelta(days=2)  # how long a number may take to answer
REMEMBERED = timedelta(days=30)  # the language that somebody chose who is not signed up


@dataclass(frozen=True, slots=True)
class Talk:
    """`asked`: the question that waits for an answer, "" for none. `kept`: what its answer needs, as JSON. `language`:
    the one that was chosen, "" for none. `last`: our last reply, for a webhook that comes twice. `message_id`: the
    message that asks; it is not sent any more once something else is asked."""

    asked: str = ""
    kept: Mapping[str, Any] = field(default_factory=dict)
    language: str = ""
    last: Mapping[str, str] = field(default_factory=dict)
    ends_at: datetime | None = None
    message_id: int | None = None

    def asking(self, question: str, until: datetime, **kept: Any) -> "Talk":
        return replace(self, asked=question, kept=kept, ends_at=until, message_id=None)

    def over(self) -> "Talk":
        return replace(self, asked="", kept={}, ends_at=None, message_id=None)


def read(s: Session, channel: str, index: bytes, now: datetime) -> Talk:
    """Return what a number is being asked. What has ended, or cannot be read, is forgotten."""
    keyring.hold(s)
    row = s.scalar(
        select(Conversation).where(
            Conversation.channel == channel, Conversation.address_index == index, Conversation.ends_at > now
        ),
        execution_options={"populate_existing": True},
    )
    if row is None:
        return Talk()
    try:
        stored = json.loads(crypto.unseal(row.kept_sealed, channel)) if row.kept_sealed else {}
    except Unavailable:
        return Talk(language=row.language)
    last = stored.pop(_LAST, {})
    until = stored.pop(_UNTIL, None)
    ends_at = datetime.fromisoformat(until) if until else None
    talk = Talk(row.asked, stored, row.language, last, ends_at, row.message_id)
    return talk.over() if ends_at is not None and ends_at <= now else talk


def keep(s: Session, channel: str, index: bytes, talk: Talk, now: datetime) -> None:
    """Store what a number is being asked, in place of what was before."""
    keyring.hold(s)
    stored = dict(talk.kept) | ({_LAST: dict(talk.last)} if talk.last else {})
    if talk.asked and talk.ends_at is not None:
        stored[_UNTIL] = talk.ends_at.isoformat()
    values = {
        "asked": talk.asked,
        "kept_sealed": crypto.seal(json.dumps(stored), channel) if stored else None,
        "language": talk.language,
        "message_id": talk.message_id,
        "changed_at": now,
        "ends_at": max(now + (REMEMBERED if talk.language else LASTS), talk.ends_at or now),
    }
    s.execute(
        insert(Conversation)
        .values(channel=channel, address_index=index, **values)
        .on_conflict_do_update(index_elements=["channel", "address_index"], set_=values)
    )


def forget_old(s: Session, now: datetime) -> None:
    s.execute(delete(Conversation).where(Conversation.ends_at < now))


_LAST, _UNTIL = "_last", "_until"
