"""Once a year residents are asked whether they still live at their first place: by text, or else by email. Who does not
answer a text is asked by email, if there is one.

A number passes to other people, and who moves keeps theirs: without the question both get alerts of the wrong street.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS, EMAIL, SMS
from notify.core import crypto, keyring
from notify.core.errors import NotFound, Refused, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.models import AddressCheck, Contact, Subscriber
from notify.subscribers import consent, conversations, entering, proving, questions
from notify.subscribers.homes import SEALED_ADDRESS

ASKED_EVERY = timedelta(days=365)
SILENT_AFTER = questions.ANSWERED_WITHIN  # without an answer by then they are asked on another channel
BY_LINK = "yes by the link of an email about the address"
PURPOSE = "address check"  # of the token in that link


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page of a link shows: the address that the email asked about."""

    address: str
    language: str


def ask_due(s: Session, now: datetime, most: int) -> int:
    """Ask the residents who are due, `most` at a time. Returns how many were asked.

    Due are those who have been here for a year, and were not asked within it; and by email those who left a text
    unanswered for SILENT_AFTER.
    """
    keyring.hold(s)
    times = {"now": now, "year_ago": now - ASKED_EVERY, "silent_since": now - SILENT_AFTER}
    values = times | {"text": SMS.name, "letter": EMAIL.name, "most": most}
    found = s.execute(text(_SILENT), values).all()
    if len(found) < most:
        found = [*found, *s.execute(text(_DUE), values | {"most": most - len(found)}).all()]
    return questions.ask_each(
        s, found, lambda row: _ask(s, row, now), lambda row: f"resident {row.subscriber_id} whether they moved", now
    )


def note_answer(s: Session, check_id: int, answer: str, now: datetime) -> None:
    """Store what somebody answered to a question by text. A check that is not there is left alone."""
    s.execute(
        update(AddressCheck)
        .where(AddressCheck.id == check_id, AddressCheck.answered_at.is_(None))
        .values(answer=answer, answered_at=now)
    )


def describe(s: Session, token: str, now: datetime) -> Asked:
    """Return what the link of an email asks. Changes nothing. Raises Invalid, and NotFound when it is over."""
    contact, kept = _asked(s, token, now)
    return Asked(str(kept.get("address", "")), s.get_one(Subscriber, contact.subscriber_id).language)


def confirm(s: Session, token: str, now: datetime) -> Asked:
    """Say by the link of an email that the address is the same. Raises as `describe`."""
    asked = describe(s, token, now)
    contact, kept = _asked(s, token, now)
    note_answer(s, int(kept["check_id"]), "same", now)
    questions.settle(s, contact.channel, contact.address_index, now)
    consent.note_alive(s, contact.channel, contact.address_index, how=BY_LINK, now=now)
    return asked


def _ask(s: Session, row: Any, now: datetime) -> bool:
    """Ask one resident. A damaged address is passed over until next year: an alarm rings for it elsewhere.

    A number that is being asked something else has its turn another day; one that may have changed hands does not read
    the house.
    """
    if conversations.read(s, row.channel, bytes(row.address_index), now).asked:
        return False
    check = AddressCheck(subscriber_id=row.subscriber_id, contact_id=row.contact_id, asked_at=now)
    s.add(check)
    s.flush()
    try:
        address = crypto.unseal(bytes(row.address_sealed), SEALED_ADDRESS)
        if not proving.is_theirs(s, s.get_one(Contact, row.contact_id), None, now):
            address = entering.street(address) or settings().city
        subject, words, place = _message(row.channel, row.language, check.id, address)
        questions.ask(
            s, row.channel, bytes(row.address_index), questions.STILL_THERE, text=words, subject=subject, now=now,
            within=SILENT_AFTER, place=place, address=address, place_id=row.place_id, check_id=check.id,
        )  # fmt: skip
    except (Unavailable, Refused, NotFound):
        return False
    return True


def _message(channel: str, language: str, check_id: int, address: str) -> tuple[str, str, str]:
    """Return the subject, the words, and what stands in them for PLACE."""
    known = settings()
    me = f"{known.public_url}/me"
    with speaking(language):
        if CHANNELS[channel].letter:
            subject = _("Do you still live here?")
            words = _(
                "You get the alerts of %(city)s for this address:\n\n%(place)s\n\nIf you have moved, change it here:"
                " %(me)s\n\nYou get this once a year.",
                city=known.city,
                place=questions.PLACE,
                me=me,
            )
            still = _("If you still live there, open this page and press the button:")
            link = f"{known.public_url}/still/{crypto.sign_token(PURPOSE, str(check_id))}"
            return subject, words, f"{address}\n\n{still}\n{link}"
        words = _(
            "%(program)s: still at %(place)s? Reply YES, or your new address with number and street. STOP to end.",
            program=known.program,
            place=questions.PLACE,
        )
        return "", words, address


def _asked(s: Session, token: str, now: datetime) -> tuple[Contact, questions.About]:
    keyring.verify(s)
    check = s.get(AddressCheck, int(crypto.read_token(PURPOSE, token)))
    contact = s.get(Contact, check.contact_id) if check is not None else None
    if check is not None and contact is not None and contact.address_sealed is not None:
        kept = questions.waiting(s, contact.channel, contact.address_index, now)
        if kept is not None and kept.get("check_id") == check.id:
            return contact, kept
    raise NotFound(
        _("This link was used already, or is too old."),
        hint=_("You can see and change your addresses on your own page."),
    )


_CONTACT = """
    SELECT c.id, c.channel, c.address_index FROM contacts c
     WHERE c.subscriber_id = r.id AND c.channel {channels} AND c.address_sealed IS NOT NULL
       AND c.verified_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM suppressions x WHERE x.topic IS NULL
                          AND (x.channel, x.address_index) = (c.channel, c.address_index))
     ORDER BY c.channel <> :text, c.id LIMIT 1
"""
_PLACE = """
    SELECT id, address_sealed FROM places
     WHERE places.subscriber_id = r.id AND address_sealed IS NOT NULL ORDER BY id LIMIT 1
"""
_COLUMNS = """
    r.id AS subscriber_id, r.language, p.id AS place_id, p.address_sealed, c.id AS contact_id, c.channel,
    c.address_index
"""
_DUE = f"""
    SELECT {_COLUMNS} FROM subscribers r
      JOIN LATERAL ({_PLACE}) p ON true JOIN LATERAL ({_CONTACT.format(channels="IN (:text, :letter)")}) c ON true
     WHERE r.erased_at IS NULL AND r.created_at <= :year_ago
       AND NOT EXISTS (SELECT FROM address_checks k WHERE k.subscriber_id = r.id AND k.asked_at > :year_ago)
     ORDER BY r.id LIMIT :most
"""  # noqa: S608  names of ours
_SILENT = f"""
    SELECT {_COLUMNS} FROM address_checks k
      JOIN subscribers r ON r.id = k.subscriber_id JOIN contacts was ON was.id = k.contact_id
      JOIN LATERAL ({_PLACE}) p ON true JOIN LATERAL ({_CONTACT.format(channels="= :letter")}) c ON true
     WHERE k.answered_at IS NULL AND k.asked_at <= :silent_since AND k.asked_at > :year_ago AND was.channel = :text
       AND r.erased_at IS NULL
       AND NOT EXISTS (SELECT FROM address_checks n WHERE n.subscriber_id = k.subscriber_id AND n.id > k.id)
     ORDER BY k.id LIMIT :most
"""  # noqa: S608  names of ours
