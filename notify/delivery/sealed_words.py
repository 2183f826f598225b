"""Words to one person that name a place: they are kept sealed, and put into the message when it is sent."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core import crypto, keyring
from notify.core.errors import Unavailable
from notify.models import DirectMessage, SealedWords

WORDS = "{words}"  # where they stand in the message
KINDS = frozenset({"calendar"})  # of messages that have such words


def keep(s: Session, message: DirectMessage, words: str, place: str) -> None:
    """Keep the words of a message, and the place that they are about."""
    keyring.hold(s)
    s.flush()
    kept = crypto.seal(json.dumps({"words": words, "place": place}), message.channel)
    s.add(SealedWords(message_id=message.id, channel=message.channel, kept_sealed=kept))


def words(s: Session, message_id: int) -> str | None:
    """Return the words of a message; None if they cannot be read."""
    row = s.scalar(select(SealedWords).where(SealedWords.message_id == message_id))
    return _opened(row, "words") if row is not None else None


def places(s: Session, contact_id: int, kind: str, since: datetime) -> Sequence[str]:
    """Return the places of messages of a kind that were written to a contact since then, and did not fail."""
    rows = s.scalars(
        select(SealedWords)
        .join(DirectMessage, DirectMessage.id == SealedWords.message_id)
        .where(DirectMessage.contact_id == contact_id, DirectMessage.kind == kind)
        .where(DirectMessage.made_at > since, DirectMessage.state != "failed")
    )
    return [place for row in rows if (place := _opened(row, "place")) is not None]


def _opened(row: SealedWords, name: str) -> str | None:
    try:
        return str(json.loads(crypto.unseal(row.kept_sealed, row.channel))[name])
    except Unavailable:
        return None
