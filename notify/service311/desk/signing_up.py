"""An agent signs up a caller: reads the words of the consent aloud, and enters the code that the caller reads back.

It is the way of the web page (`joining`), so all its rules hold. Whoever is signed up already is found by the same
code, with all that they chose, and nothing says so before.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core import crypto
from notify.core.errors import Invalid, NotFound
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Consent, Operator, Preference, Subscriber, Topic
from notify.service311.desk import proof
from notify.subscribers import consent, entering, joining, own, serving
from notify.subscribers.enrolling import Joined
from notify.subscribers.joining import Waiting
from notify.subscribers.wishes import Wish

PURPOSE = "desk-sign-up"


@dataclass(frozen=True, slots=True)
class NewCaller:
    """What a caller asks for. `contact`: their phone or email, as it was typed."""

    contact: str
    wish: Wish
    topics: Collection[Topic]
    language: str


def words(channel: str, language: str, topics: Collection[Topic]) -> str:
    """Return what is read aloud, and kept with the consent."""
    return f"{entering.words(channel, language)} {entering.named(sorted(topics), language)}".rstrip()


def begin(s: Session, caller: NewCaller, now: datetime, by: Operator, once: str = "") -> str:
    """Send a code to the caller, and return the token with which it is confirmed. `once`: as of `joining.begin`.

    Raises Invalid, NotAllowed, TooManyTries, and Unavailable without a sender. It is the same for a phone or email
    that is known."""
    serving.require(by)
    if caller.language not in settings().languages:
        raise Invalid(_("This language is not spoken here."), hint=_("Choose one of the list."))
    channel, _address = joining.parse(caller.contact)
    token = joining.begin(
        s, caller.contact, caller.wish, language=caller.language, words=words(channel, caller.language, caller.topics),
        network=f"operator {by.id}", now=now, by_call=True, once=once,
    )  # fmt: skip
    return crypto.sign_token(PURPOSE, ".".join((str(by.id), token, ",".join(sorted(caller.topics)))))


def waiting(s: Session, token: str, now: datetime, by: Operator) -> Waiting:
    """Return what the page that asks for the code shows. Raises NotFound when it is over."""
    return joining.waiting(s, _read(token, by)[0], now)


def confirm(s: Session, token: str, code: str, now: datetime, by: Operator) -> Joined:
    """Take the code that the caller read back, and store what they asked for. A resident who was known keeps their
    topics and language, and gets the new topics beside them.

    Raises as `joining.confirm`: the caller commits a Refused, because it counts. The second press of a double click is
    answered like the first, and changes nothing."""
    joining_token, topics = _read(token, by)
    joined = proof.confirm(s, joining_token, code, now, by)
    agreed = s.scalar(select(Consent).where(Consent.contact_id == joined.contact_id, Consent.at == now))
    if agreed is None:  # it was done by the first press
        return joined
    resident = s.get_one(Subscriber, joined.subscriber_id)
    theirs = set(s.scalars(select(Preference.topic).where(Preference.subscriber_id == resident.id)))
    own.choose(s, resident.id, topics if joined.is_new else theirs | topics, resident.language, now)
    for topic in sorted(topics - theirs if not joined.is_new else ()):
        s.add(Consent(contact_id=joined.contact_id, kind="opt-in", topic=topic, at=now, how=consent.BY_CALL,
                      words=agreed.words))  # fmt: skip
    serving.note(s, now, by, "sign up by call", resident.id, contact=joined.contact_id, topics=sorted(topics))
    return joined


def _read(token: str, by: Operator) -> tuple[str, set[Topic]]:
    """Return the token of the joining and the topics. Raises NotFound for one that is not this agent's."""
    try:
        operator, joining_token, topics = crypto.read_token(PURPOSE, token).split(".")
    except (Invalid, ValueError):
        operator, joining_token, topics = "", "", ""
    if operator != str(by.id):
        raise NotFound(_("This page is over."), hint=_("Begin the sign-up again."))
    return joining_token, {Topic(one) for one in topics.split(",") if one}
