"""Ask a resident something by text message, and wait for the answer: YES, NO, or an address.

    questions.ask(s, "sms", index, questions.CONFIRM, now=now, text="... Reply YES to get alerts, NO if not.",
                  language="en", words="...", how="sign-up sheet at the library")

The question waits in `conversations`; whatever comes from the number next is read as its answer, unless it is a cry for
help, a STOP or a command (`notify.inbound`). A newer question takes the place of an older one. Nothing is changed
until the answer has come.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.core import alarms, db
from notify.core.errors import NotFound, Refused
from notify.delivery import carrier_blocks
from notify.delivery.questions import PLACE
from notify.models import DirectMessage
from notify.subscribers import addresses, consent, conversations

About = Mapping[str, Any]
Question = Literal["confirm", "still-there"]

# YES: the contact is verified, with a consent that holds `words` and `how`, and gets alerts. NO: it is opted out.
CONFIRM: Question = "confirm"
# YES: nothing changes. NO: the new address is asked for. An address: it takes the place of `place_id`.
STILL_THERE: Question = "still-there"

ANSWERED_WITHIN = timedelta(days=14)


def ask(
    s: Session,
    channel: str,
    index: bytes,
    question: Question,
    *,
    text: str,
    now: datetime,
    subject: str = "",
    within: timedelta = ANSWERED_WITHIN,
    any_hour: bool = False,
    **about: Any,
) -> int:
    """Send a question to a contact and wait for the answer. Return the id of the message.

    `text`: the message, with `PLACE` where the street address stands that `about` holds as `place`; no other address
    may be in it, because it is stored in clear. `about`: what the answer needs, sealed. `CONFIRM`: `words`, what was
    shown and agreed to, and `how`, what is kept as proof. `STILL_THERE`: `place`, `place_id`.

    It is sent by day, unless at `any_hour`: to somebody who has just asked for it. It is not sent any more once the
    number is asked something else.

    Raises NotFound without such a contact, and Refused when nothing may be sent to it.
    """
    contact = addresses.contact(s, channel, index)
    if contact is None or contact.timeline_of is not None:
        raise NotFound("There is no such contact to ask.")
    if consent.reasons_against(s, channel, index) or not carrier_blocks.senders(s, channel, index).reach:
        raise Refused("Nothing may be sent to this contact.", hint="It has opted out, or messages to it failed.")
    message = DirectMessage(
        kind="question", contact_id=contact.id, step=1, channel=channel, subject=subject,
        text=CHANNELS[channel].written(text), state="waiting", made_at=now, reason="", reference="", cost=0,
        any_hour=any_hour,
    )  # fmt: skip
    s.add(message)
    s.flush()
    talk = conversations.read(s, channel, index, now).asking(question, now + within, **about)
    conversations.keep(s, channel, index, replace(talk, message_id=message.id), now)
    return message.id


def ask_each(
    s: Session, rows: Sequence[Any], ask: Callable[[Any], bool], named: Callable[[Any], str], now: datetime
) -> int:
    """Call `ask(row)` for each and return how many it asked. One that PostgreSQL refuses keeps no other waiting; an
    alarm says that it refuses to ask `named(row)` (law 15)."""
    return sum(
        db.in_halves(
            rows,
            lambda some: sum(map(ask, some)),
            lambda row, why: alarms.refused_row(f"ask {named(row)}", why, now),
            s.begin_nested,
        )
    )


def waiting(s: Session, channel: str, index: bytes, now: datetime) -> About | None:
    """Return what a contact is being asked about; None if nothing."""
    talk = conversations.read(s, channel, index, now)
    return talk.kept if talk.asked in (CONFIRM, STILL_THERE) else None


def settle(s: Session, channel: str, index: bytes, now: datetime, *, only: Question | None = None) -> None:
    """End the question, or that one only: it was answered elsewhere than by a text."""
    talk = conversations.read(s, channel, index, now)
    if talk.asked and only in (None, talk.asked):
        conversations.keep(s, channel, index, talk.over(), now)


__all__ = ["CONFIRM", "PLACE", "STILL_THERE", "About", "Question", "ask", "ask_each", "settle", "waiting"]
