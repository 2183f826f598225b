"""Send an alert that a resident got, or should have got, again: to another phone or email of theirs, in their words."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.channels.channel import CHANNELS
from notify.content import titles
from notify.core import translation
from notify.core.errors import NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import Alert, Contact, DirectMessage, StoredContent, Subscriber
from notify.service311.desk import here
from notify.service311.desk.acts import Call
from notify.subscribers import consent, serving
from notify.subscribers.joining import require_sender

KIND = "resend"


def resend(s: Session, call: Call, alert_id: int, contact_id: int, now: datetime) -> None:
    """Send an alert again to one of the resident's contacts, unless it waits to be sent there.

    Raises Refused without a proof, for an alert that is over, and where nothing may be sent; NotFound; TooManyTries;
    Unavailable.
    """
    call.require_proof()
    contact, alert = s.get(Contact, contact_id), s.get(Alert, alert_id)
    if contact is None or contact.subscriber_id != call.resident or contact.verified_at is None:
        raise NotFound(_("This is not a phone or email of this resident."))
    got = s.execute(text(_GOT), {"alert": alert_id, "resident": call.resident}).first()
    if alert is None or got is None:
        raise NotFound(_("This resident got no such alert."))
    told = here.one(s, alert_id, now)
    if told is None or told.stands != "active" or alert.status != "Actual":
        raise Refused(_("This alert is over: it is not sent again."), hint=_("Read it to the caller."))
    stopped = consent.topics_left(s, contact.channel, contact.address_index)
    if consent.reasons_against(s, contact.channel, contact.address_index) or alert.topic in stopped:
        raise Refused(_("Nothing of it may be sent there."), hint=_("Choose another phone or email of theirs."))
    tries.count(s, tries.of_test(contact.id), now)  # after which a double click sees what the first press has made
    if _waits(s, alert_id, contact_id):
        return
    require_sender(contact.channel)
    subject, words = _words(s, alert, contact.channel, s.get_one(Subscriber, call.resident).language, got)
    s.add(
        DirectMessage(
            kind=KIND, alert_id=alert_id, contact_id=contact_id, step=1, channel=contact.channel, state="waiting",
            made_at=now, any_hour=True, subject=subject, text=words,
        )
    )  # fmt: skip
    serving.note(s, now, call.by, "sent-again", call.resident, alert=alert_id, contact=contact_id)


def _waits(s: Session, alert_id: int, contact_id: int) -> bool:
    waiting = (
        DirectMessage.kind == KIND, DirectMessage.alert_id == alert_id, DirectMessage.contact_id == contact_id,
        DirectMessage.state == "waiting",
    )  # fmt: skip
    return s.scalar(select(DirectMessage.id).where(*waiting).limit(1)) is not None


def _words(s: Session, alert: Alert, channel: str, language: str, got: Any) -> tuple[str, str]:
    """Return subject and text: those of the channel, or in a letter those that the resident got on another. Raises
    Refused where an alert has no words that are short enough."""
    stored = s.scalars(select(StoredContent).where(StoredContent.alert_id == alert.id)).all()
    by_way = {(one.channel, one.language, one.wording): one for one in stored}
    own = next((one for w in (got.wording, 0) if (one := by_way.get((channel, got.language or language, w)))), None)
    if own is not None:
        return own.subject, own.text
    before = by_way.get((got.channel, got.language or language, got.wording))
    if before is None or not CHANNELS[channel].letter:
        raise Refused(_("This alert has no words for this way."), hint=_("Read it to the caller."))
    with translation.speaking(language):
        return titles.title(alert.event, alert.phase, alert.blanks), before.text


# How they got it: by the delivery that was written for them, and not left out, if there is one.
_GOT = """
    SELECT c.channel, b.language, coalesce(b.wording, 0) AS wording
      FROM contacts c JOIN deliveries d ON (d.alert_id, d.contact_id) = (:alert, c.id)
      LEFT JOIN batches b ON b.id = d.batch_id
     WHERE c.subscriber_id = :resident ORDER BY b.id IS NULL, c.id LIMIT 1
"""
