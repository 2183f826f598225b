"""Write to operators about their own account, at the email that they sign in with: rows in the transaction of the act.

The job that writes to operators sends them (`delivery.direct_messages`). What is secret in a message, a code or
a link, is made when it is sent, and is never stored: its place holds the name of the blank until then.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS, of_residents
from notify.core import operator_words
from notify.core.city_time import shown
from notify.core.settings import settings
from notify.models import DirectMessage, Operator, Sender
from notify.models.roster import AboutAccount

CODE, LINK = "{code}", "{link}"


def write(s: Session, kind: AboutAccount, operator: Operator, now: datetime, **blanks: str) -> bool:
    """Write a letter by email. Returns whether it can be sent: without an open email sender nothing is written."""
    channel = _open_letter(s)
    if channel is None:
        return False
    add(s, kind, operator, channel, now, page=f"{settings().public_url}/console/you", **blanks)
    return True


def add(s: Session, kind: AboutAccount, operator: Operator, channel: str, now: datetime, **blanks: str) -> None:
    """Add a message on a channel, in the operator's language."""
    given = {"city": settings().city, "at": shown(now, settings().tz), "code": CODE, "link": LINK} | blanks
    words = {part: line.format(**given) for part, line in operator_words.of(kind, operator.language or "en").items()}
    words["text"] = CHANNELS[channel].written(words["text"])
    s.add(
        DirectMessage(
            kind=kind, operator_id=operator.id, step=1, channel=channel, state="waiting", made_at=now, reason="",
            reference="", cost=0, **words,
        )
    )  # fmt: skip


def _open_letter(s: Session) -> str | None:
    """Return the channel of letters that has an open sender."""
    names = [name for name in of_residents() if CHANNELS[name].letter]
    found = select(Sender.channel).where(Sender.channel.in_(names), Sender.status == "open")
    return s.scalar(found.limit(1))
