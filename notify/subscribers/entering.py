"""Staff sign up a resident from a call, a paper form or at an event. Nothing is sent but one question; the contact gets
alerts once its owner has answered YES, by text or by the link of an email.
"""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.channels.channel import CHANNELS, EMAIL, SMS
from notify.core import crypto, keyring, topic_words
from notify.core.characters import without_marks
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.models import Consent, Contact, Operator, Preference, Subscriber, Topic
from notify.subscribers import addresses, consent, enrolling, import_lock, joining, proving, questions, wishes
from notify.subscribers.serving import erase_own, note, require
from notify.subscribers.wishes import Wish

How = Literal["call", "paper", "event"]
HOWS: tuple[How, ...] = get_args(How)
# How it is stored with the consent, for good and in one language.
PROOFS = {"call": "phone call", "paper": "paper form", "event": "sign-up at an event"}
BY_LINK = f"{proving.YES}the link of an email"
NAMED = 2  # topics by name in a text
UNANSWERED_FOR = timedelta(days=30)
_HOUSE = re.compile(r"\d+[A-Za-z]?(-\d+)?$")  # 4711, 12B, 12-14; not 5th
CONTACTS = (SMS.name, EMAIL.name)
PURPOSE = crypto.ENTERED  # of the token in that link


@dataclass(frozen=True, slots=True)
class Entry:
    """What a staff member has entered. `contact`: a phone or an email, as it was typed."""

    contact: str
    wish: Wish
    topics: Collection[Topic]
    language: str
    how: How


@dataclass(frozen=True, slots=True)
class Entered:
    channel: str
    masked: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page of a link shows. `words`: what the owner of the email agrees to. `near`: the street of the place,
    so that somebody whose address staff have misread says no; "" for an import."""

    masked: str
    language: str
    words: str
    near: str


def words(channel: str, language: str) -> str:
    """Return what is read aloud, and kept with the consent. STOP and rates are said of texts only."""
    with speaking(language):
        if CHANNELS[channel].letter:
            return _(
                "%(city)s will send you the alerts that you choose, by email. They are free. The number of messages"
                " varies. You can stop at any time: press the link at the end of any of them. Do you agree?",
                city=settings().city,
            )
        return _(
            "%(city)s will send you the alerts that you choose, by text. They are free from the city; message and data"
            " rates may apply. The number of messages varies. You can stop at any time: reply STOP to end, HELP for"
            " help. Do you agree?",
            city=settings().city,
        )


def enter(s: Session, entry: Entry, now: datetime, by: Operator) -> Entered:
    """Store a resident whose contact is not verified, and ask it to confirm.

    Raises Invalid; NotAllowed; TooManyTries; Refused for a contact that is signed up, was just asked, or may not be
    written to: then nothing is stored.
    """
    require(by)
    channel, address = joining.parse(entry.contact)
    _check(entry)
    tries.count(s, tries.of_joiner(channel, address, f"operator {by.id}"), now)
    joining.require_sender(channel)
    import_lock.take(s)
    keyring.hold(s)
    index = addresses.index(channel, address)
    _require_free(s, channel, index, now)
    contact = _contact(s, channel, address, entry, now)
    _ask(s, contact, entry, _chosen(s, contact), now, by)
    note(s, now, by, "enter", contact.subscriber_id or 0, contact=contact.id, how=entry.how)
    return Entered(channel, addresses.masked(channel, address))


def describe(s: Session, token: str, now: datetime) -> Asked:
    """Return what the link of an email would confirm. Changes nothing. Raises Invalid, NotFound when it is over, and
    Refused when its owner has stopped our messages since."""
    contact, kept = _asked(s, token, now)
    assert contact.address_sealed is not None  # noqa: S101  such a contact is not asked
    address = crypto.unseal(contact.address_sealed, contact.channel)
    language = s.get_one(Subscriber, contact.subscriber_id).language
    return Asked(
        addresses.masked(contact.channel, address), language, str(kept.get("words", "")), str(kept.get("near", ""))
    )


def confirm(s: Session, token: str, now: datetime) -> Asked:
    """Say YES by the link of an email: the contact gets alerts from now on. Raises as `describe`."""
    asked = describe(s, token, now)
    contact, kept = _asked(s, token, now)
    proving.verify(s, contact, now)
    how = f"{BY_LINK}: {kept.get('how', '')}"
    s.add(Consent(contact_id=contact.id, kind="opt-in", at=now, how=how, words=asked.words))
    questions.settle(s, contact.channel, contact.address_index, now)
    consent.note_alive(s, contact.channel, contact.address_index, how=how, now=now)
    return asked


def forget_old(s: Session, now: datetime) -> None:
    """Erase whom staff have entered and who has not answered for a month: nothing may be sent to them."""
    found = s.execute(
        text("""SELECT DISTINCT subscriber_id FROM contacts c
                 WHERE entered_at < :old AND verified_at IS NULL AND address_sealed IS NOT NULL
                   AND NOT EXISTS (SELECT FROM contacts o WHERE o.subscriber_id = c.subscriber_id
                                      AND o.verified_at IS NOT NULL)"""),
        {"old": now - UNANSWERED_FOR},
    )
    for subscriber_id in found.scalars().all():
        erase_own(s, subscriber_id, now, None, how="not confirmed")


def _check(entry: Entry) -> None:
    if entry.language not in settings().languages:
        raise Invalid(_("This language is not spoken here."), hint=_("Choose one of the list."))
    if entry.how not in HOWS:
        raise Invalid(_("Say how the resident asked."), hint=_("Choose one of the list."))


def _require_free(s: Session, channel: str, index: bytes, now: datetime) -> None:
    against = consent.reasons_against(s, channel, index)
    if "opt-out" in against and not CHANNELS[channel].letter:
        raise Refused(
            _("The owner of this phone has stopped our texts, for example by STOP."),
            hint=_("Only they can end that: by the text START, from this phone to the number that wrote to it."),
        )
    if against:
        raise Refused(
            _("Nothing may be sent to this phone or email: its owner has left, or messages came back."),
            hint=_("Its owner can join again on the web."),
        )
    found = addresses.contact(s, channel, index)
    if found is not None and found.verified_at is not None:
        raise Refused(
            _("This phone or email is signed up already."),
            hint=_("`tocsin residents find` shows what they get."),
        )
    if found is not None and questions.waiting(s, channel, index, now) is not None:
        raise Refused(
            _("This phone or email has been asked already, and has not answered."),
            hint=_("Ask the resident to look for the message and to answer YES."),
        )


def _contact(s: Session, channel: str, address: str, entry: Entry, now: datetime) -> Contact:
    """Return the contact, not verified, of a resident with the place; a resident of an import who lives there, or a new
    one: an unproved contact that was imported with other places may have been somebody else's."""
    found = addresses.contact(s, channel, addresses.index(channel, address))
    at_home = found is not None and wishes.is_at_home(s, found.subscriber_id or 0, entry.wish)
    if found is None or not at_home:
        resident = Subscriber(language=entry.language, created_at=now)
        s.add(resident)
        s.flush()
        if found is not None:
            found, _had_places = proving.pass_on(s, found, resident, now)
        else:
            found = enrolling.store(s, channel, address, resident.id, now)
        found.entered_at = now
        s.flush()
        s.add_all(Preference(subscriber_id=resident.id, topic=topic) for topic in sorted(set(entry.topics)))
    assert found.subscriber_id is not None  # noqa: S101  only timelines have none
    wishes.add(s, found.subscriber_id, entry.wish, now)
    s.flush()
    return found


def _chosen(s: Session, contact: Contact) -> Sequence[Topic]:
    """Return the topics of the resident, in their usual order: one of an import may have others than staff entered."""
    theirs = set(s.scalars(select(Preference.topic).where(Preference.subscriber_id == contact.subscriber_id)))
    return [topic for topic in Topic if topic in theirs]


def _ask(s: Session, contact: Contact, entry: Entry, topics: Sequence[Topic], now: datetime, by: Operator) -> None:
    subject, said = message(contact.channel, entry.language, topics)
    how = f"{PROOFS[entry.how]}, entered by operator {by.id}"
    near = street(entry.wish.address) or settings().city
    agreed = f"{words(contact.channel, entry.language)} {named(topics, entry.language)}".rstrip()
    about: dict[str, Any] = {"words": agreed, "how": how, "near": near, "place": near}
    if CHANNELS[contact.channel].letter:
        about["place"] = link(contact.id)
    questions.ask(s, contact.channel, contact.address_index, questions.CONFIRM, text=said, subject=subject, now=now,
                  any_hour=entry.how != "paper", **about)  # fmt: skip


def message(channel: str, language: str, topics: Sequence[Topic]) -> tuple[str, str]:
    """Return the subject and the text that ask a contact to confirm; PLACE stands for the link of an email. A text
    names only some of many topics: it is one message."""
    known = settings()
    with speaking(language):
        if CHANNELS[channel].letter:
            subject = _("Do you want the alerts of %(city)s?", city=known.city)
            return subject, _(
                "Somebody has signed up this email for the alerts of %(city)s. %(topics)s\n\nIf it was for you, open"
                " this page and press the button. It works for 14 days:\n%(link)s\n\nIf not, ignore this message:"
                " nothing else is sent.",
                city=known.city,
                topics=named(topics, language),
                link=questions.PLACE,
            )
        return "", _(
            "%(program)s: reply YES to get alerts on %(topics)s for %(street)s, asked for at this number, NO if not by"
            " you. Not 911. Msg&data rates may apply. HELP or STOP.",
            program=known.program,
            topics=_briefly(topics),
            street=questions.PLACE,
        )


def named(topics: Sequence[Topic], language: str) -> str:
    """Return the sentence that names topics; "" without any."""
    with speaking(language):
        told = ", ".join(topic_words.subject(topic) for topic in topics)
        return _("Topics: %(topics)s.", topics=told) if told else ""


def _briefly(topics: Sequence[Topic]) -> str:
    """Return some of the topics in letters of GSM-7: one accent more would make two messages of a text."""
    told = [without_marks(topic_words.subject(topic)) for topic in topics]
    if not told:
        return _("the topics that you choose")
    if len(told) <= NAMED:
        return ", ".join(told)
    return _("%(topics)s and %(n)s more", topics=", ".join(told[:NAMED]), n=len(told) - NAMED)


def street(address: str) -> str:
    """Return the street of an address without its number and what follows: a stranger must not learn the house."""
    first = address.split(",")[0].split("#")[0]
    return " ".join(word for word in first.split() if not _HOUSE.match(word))[:40]


def link(contact_id: int) -> str:
    """Return a link that says YES for a contact while it is being asked. Each is different, and good for one answer."""
    return f"{settings().public_url}/confirm/{crypto.sign_token(PURPOSE, f'{contact_id}.{secrets.token_hex(8)}')}"


def _asked(s: Session, token: str, now: datetime) -> tuple[Contact, questions.About]:
    keyring.verify(s)
    number, _point, _nonce = crypto.read_token(PURPOSE, token).partition(".")
    contact = s.get(Contact, int(number), with_for_update=True)
    if contact is not None and contact.address_sealed is not None:
        if consent.reasons_against(s, contact.channel, contact.address_index):
            raise Refused(
                _("Messages to this email were stopped since we asked."),
                hint=_("To get them, join on the page where one joins."),
            )
        kept = questions.waiting(s, contact.channel, contact.address_index, now)
        if kept is not None and str(kept.get("place", "")).endswith(f"/{token}"):
            return contact, kept
    raise NotFound(
        _("This link was used already, or is too old."),
        hint=_("If you do not get alerts yet, join on the page where one joins."),
    )
