"""A resident sends a test to a phone or email of theirs, by the senders, throttle and provider of real alerts."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.channels.channel import CHANNELS
from notify.content.compose import UNSUBSCRIBE_URL
from notify.core import reasons
from notify.core.errors import NotFound, Refused
from notify.core.settings import settings
from notify.core.texts import worded
from notify.core.translation import gettext, gettext_noop
from notify.core.translation import gettext as _
from notify.models import Contact, DirectMessage, Subscriber
from notify.subscribers import consent, record
from notify.subscribers.joining import require_sender
from templates import RESIDENTS

KIND = "self-test"
_BECAME = {
    "waiting": gettext_noop("It waits to be sent. Load this page again in a moment."),
    "claimed": gettext_noop("It is being sent. Load this page again in a moment."),
    "accepted": gettext_noop("Your phone company or mail provider has taken it. Look at your phone or mailbox."),
    "unknown": gettext_noop("We do not know whether it was sent."),
    "failed": gettext_noop("It could not be sent."),
}


@dataclass(frozen=True, slots=True)
class LastTest:
    """The last test to a contact. `contact`: masked. `became`, `why`: sentences."""

    contact: str
    made_at: datetime
    became: str
    why: str


def send(s: Session, subscriber_id: int, contact_id: int, now: datetime) -> None:
    """Send a test to one of the resident's verified contacts, unless one waits to be sent there.

    Raises NotFound, TooManyTries, Unavailable without a sender, and Refused when nothing may be sent there.
    """
    contact = s.get(Contact, contact_id)
    if contact is None or contact.subscriber_id != subscriber_id or contact.verified_at is None:
        raise NotFound(_("This is not one of your phones and emails."))
    if consent.reasons_against(s, contact.channel, contact.address_index):
        raise Refused(
            _("Nothing is sent there now, so a test would not arrive either."),
            hint=_("Your page says why, and how to mend it."),
        )
    tries.count(s, tries.of_test(contact.id), now)  # after which a double click sees what the first press has made
    waits = (DirectMessage.contact_id == contact.id, DirectMessage.kind == KIND, DirectMessage.state == "waiting")
    if s.scalar(select(DirectMessage.id).where(*waits).limit(1)) is not None:
        return
    require_sender(contact.channel)
    known, channel = settings(), CHANNELS[contact.channel]
    words = worded(RESIDENTS, s.get_one(Subscriber, subscriber_id).language)[KIND]
    given = {"city": known.city, "program": known.program, "link": f"{known.public_url}/me"}
    given["stop"] = words[f"stop_by_{channel.leaves_by}"].format(leave=UNSUBSCRIBE_URL)
    s.add(
        DirectMessage(
            kind=KIND, contact_id=contact.id, step=1, channel=channel.name, state="waiting", made_at=now, any_hour=True,
            subject=words["subject"].format(**given), text=channel.written(words["text"].format(**given)),
        )
    )  # fmt: skip


def last(s: Session, subscriber_id: int, kind: str = KIND) -> LastTest | None:
    """Return the resident's last test, or other message of a kind that they asked for, if there was one."""
    found = s.execute(
        select(DirectMessage, Contact)
        .join(Contact, Contact.id == DirectMessage.contact_id)
        .where(Contact.subscriber_id == subscriber_id, DirectMessage.kind == kind)
        .order_by(DirectMessage.id.desc())
        .limit(1)
    ).first()
    if found is None:
        return None
    test, contact = found
    why = reasons.sentence(test.reason) if test.reason else ""
    return LastTest(
        record.shown(contact.channel, contact.address_sealed), test.made_at, gettext(_BECAME[test.state]), why
    )
