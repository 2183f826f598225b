"""Sign up who has proved an address: the resident who has it already, or a new one. Who the same resident is, `proving`
decides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core import crypto, keyring
from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.models import Consent, Contact, Preference, Subscriber, Topic
from notify.subscribers import addresses, consent, proving, wishes
from notify.subscribers.identity import free
from notify.subscribers.wishes import Wish


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who has proved an address, in canonical form. `words`: what they agreed to, as it was shown; `how`: what
    is kept as proof of it."""

    channel: str
    address: str
    language: str
    words: str
    how: str


@dataclass(frozen=True, slots=True)
class Joined:
    """`had_others`: the city has places of who had the contact before. `left_out`: the place that they asked for, if
    they have too many to add it."""

    subscriber_id: int
    contact_id: int
    is_new: bool
    had_others: bool = False
    left_out: Wish | None = None


def known(s: Session, who: Applicant, wish: Wish | None, now: datetime) -> Contact | None:
    """Return the contact, verified anew, if it is stored with the same resident; else None."""
    found = _stored(s, who)
    if found is None or not proving.is_theirs(s, found, wish, now):
        return None
    proving.verify(s, found, now)
    return found


def enrol(s: Session, who: Applicant, wish: Wish, now: datetime, *, ends_any_opt_out: bool = False) -> Joined:
    """Store the contact, the consent and the place. The caller holds `import_lock`.

    The opt-out of a resident who is new stays, because it may be somebody else's, unless it `ends_any_opt_out`: who
    writes from a number may end it as with START.
    """
    contact, joined = contact_of(s, who, wish, now)
    if ends_any_opt_out or not joined.is_new:
        consent.opt_back_in(s, contact.channel, contact.id, how=who.how, now=now)
    s.add(Consent(contact_id=contact.id, kind="opt-in", at=now, how=who.how, words=who.words))
    theirs = Preference.subscriber_id == contact.subscriber_id
    if s.scalar(select(Preference.topic).where(theirs).limit(1)) is None:
        s.add_all(Preference(subscriber_id=contact.subscriber_id, topic=topic) for topic in first_topics())
    try:
        wishes.add(s, joined.subscriber_id, wish, now)
    except Refused:
        return replace(joined, left_out=wish)
    return joined


def add_contact(s: Session, who: Applicant, subscriber_id: int, now: datetime) -> Joined:
    """Store a proved address as a further one of a resident, with the consent. The caller holds `import_lock`.

    One that somebody else has moves to the resident, and an opt-out from it stays. Raises Refused once they are erased.
    """
    resident = s.get(Subscriber, subscriber_id)
    if resident is None or resident.erased_at is not None:
        raise Refused(_("You are not signed up any more."), hint=_("Join again to get messages."))
    found = _stored(s, who)
    if found is None:
        found = _new(s, who, subscriber_id, now)
    elif found.subscriber_id == subscriber_id:
        consent.opt_back_in(s, found.channel, found.id, how=who.how, now=now)
    else:
        found, _had_places = proving.pass_on(s, found, resident, now)
    proving.verify(s, found, now)
    s.add(Consent(contact_id=found.id, kind="opt-in", at=now, how=who.how, words=who.words))
    return Joined(subscriber_id, found.id, is_new=False)


def contact_of(s: Session, who: Applicant, wish: Wish, now: datetime) -> tuple[Contact, Joined]:
    """Return the verified contact, of a resident who is new unless the address is theirs."""
    theirs = known(s, who, wish, now)
    if theirs is not None:
        assert theirs.subscriber_id is not None  # noqa: S101  only timelines have none
        return theirs, Joined(theirs.subscriber_id, theirs.id, is_new=False)
    resident = Subscriber(language=who.language, created_at=now)
    s.add(resident)
    s.flush()
    found, had_others = _stored(s, who), False
    if found is not None:
        found, had_others = proving.pass_on(s, found, resident, now)
        proving.verify(s, found, now)
    else:
        found = _new(s, who, resident.id, now)
    s.flush()
    return found, Joined(resident.id, found.id, is_new=True, had_others=had_others)


def store(s: Session, channel: str, address: str, subscriber_id: int, now: datetime) -> Contact:
    """Store an address in canonical form, not verified, as a resident's contact. The caller knows that nobody has
    it."""
    keyring.hold(s)
    index = addresses.index(channel, address)
    free(s, [(channel, index)])
    made = Contact(
        subscriber_id=subscriber_id,
        channel=channel,
        address_index=index,
        address_sealed=crypto.seal(address, channel),
        created_at=now,
    )
    s.add(made)
    s.flush()
    return made


def _new(s: Session, who: Applicant, subscriber_id: int, now: datetime) -> Contact:
    made = store(s, who.channel, who.address, subscriber_id, now)
    proving.verify(s, made, now)
    return made


def is_stored(s: Session, channel: str, address: str) -> bool:
    """Return whether there is a contact with an address in canonical form."""
    return _contact(s, channel, address) is not None


def _stored(s: Session, who: Applicant) -> Contact | None:
    return _contact(s, who.channel, who.address)


def _contact(s: Session, channel: str, address: str) -> Contact | None:
    keyring.hold(s)
    return addresses.contact(s, channel, addresses.index(channel, address))


def first_topics() -> Sequence[Topic]:
    """Return what somebody who joins gets until they choose: all that may concern their safety, and what moves
    collections. News is for those who ask."""
    return [topic for topic in Topic if topic is not Topic.GENERAL]
