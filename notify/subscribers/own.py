"""What residents see and change by themselves, once a code has shown who they are (`joining`)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from notify.core import crypto, keyring
from notify.core.characters import visible
from notify.core.errors import Invalid, NotFound, Refused, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery import carrier_blocks, held_language
from notify.models import Contact, Place, PlaceCheck, Preference, Subscriber, Topic
from notify.subscribers import choices, consent, import_lock, labels, record, wishes
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.rows import LONGEST_LABEL
from notify.subscribers.wishes import Wish

BY_PAGE = "their own page on the web"


@dataclass(frozen=True, slots=True)
class OwnContact:
    """`shown`: masked. `stopped`: nothing is sent to it, because its owner opted out of everything; `barred`: the
    report of a provider that stops them, "" for none. `left`: the topics that its owner opted out of. `blocked`: the
    phone company stops all our texts. `lowest_severity`: as in `Contact`."""

    id: int
    channel: str
    shown: str
    stopped: bool
    barred: str
    left: Collection[Topic]
    blocked: bool
    lowest_severity: int | None


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """`address`: as it was given; "" for a point. `radius_m`: how far around it alerts count.

    `is_sought`: the city's file lacks the address, and somebody looks it up. `refused`: why it was not found then, ""
    if it was.
    """

    id: int
    label: str
    address: str
    radius_m: int
    is_sought: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class OwnPage:
    language: str
    contacts: Sequence[OwnContact]
    places: Sequence[OwnPlace]
    topics: Collection[str]


def read(s: Session, subscriber_id: int) -> OwnPage:
    """Return what a resident sees of themselves. Raises NotFound once they are erased."""
    resident = _resident(s, subscriber_id)
    contacts = s.scalars(
        select(Contact)
        .where(Contact.subscriber_id == subscriber_id, Contact.verified_at.is_not(None))
        .order_by(Contact.id)
    )
    places = s.execute(
        select(Place, PlaceCheck)
        .outerjoin(PlaceCheck, PlaceCheck.place_id == Place.id)
        .where(Place.subscriber_id == subscriber_id)
        .order_by(Place.id)
    )
    topics = s.scalars(select(Preference.topic).where(Preference.subscriber_id == subscriber_id))
    return OwnPage(
        resident.language,
        [_contact(s, one) for one in contacts],
        [_place(one, check) for one, check in places],
        frozenset(topics),
    )


def choose(s: Session, subscriber_id: int, topics: Collection[Topic], language: str, now: datetime) -> None:
    """Set topics and language. Raises Invalid for an unknown language, NotFound."""
    if language not in settings().languages:
        raise Invalid(_("This language is not spoken here."), hint=_("Choose one of the list."))
    _lock(s)
    _resident(s, subscriber_id).language = language
    held_language.follow(s, subscriber_id, language)
    mine = Preference.subscriber_id == subscriber_id
    until = choices.muted_until(s, subscriber_id)
    if topics:
        choices.add_topics(s, subscriber_id, topics)  # first: they have the pause of those that go
    s.execute(delete(Preference).where(mine, Preference.topic.not_in(topics)))
    if not topics:
        choices.pause(s, subscriber_id, until)
    wishes.note_choice(s, subscriber_id, now)


def place(s: Session, subscriber_id: int, wish: Wish, now: datetime) -> None:
    """Add a place. Raises Refused when there are too many, NotFound."""
    _lock(s)
    _resident(s, subscriber_id)
    keyring.hold(s)
    wishes.add(s, subscriber_id, wish, now)


def change_place(
    s: Session, subscriber_id: int, place_id: int, label: str, radius_m: float | None, now: datetime
) -> None:
    """Name a place in other words, and set how far around it alerts count, in metres; None leaves that as it is.

    A wider circle may have alerts in force, which its resident gets then. Raises Invalid for a label that is empty or
    an address, Refused for one that another place has, NotFound.
    """
    _lock(s)
    _resident(s, subscriber_id)
    label = " ".join(visible(label).split())
    if not label or len(label) > LONGEST_LABEL or labels.is_private(label):
        raise Invalid(
            _("Give the place a short name, without its address."), hint=_("A word is enough: home, work, my parents.")
        )
    there = {one.id: one for one in s.scalars(select(Place).where(Place.subscriber_id == subscriber_id))}
    if place_id not in there:
        raise NotFound(_("This place is not there any more."))
    if any(one.label.casefold() == label.casefold() and one.id != place_id for one in there.values()):
        raise Refused(_("You have another place with this name."), hint=_("Choose another name."))
    changed = there[place_id]
    if radius_m is not None and radius_m > changed.radius_m:
        wishes.note_arrival(s, subscriber_id, now)
    changed.label, changed.radius_m = label, changed.radius_m if radius_m is None else radius_m


def remove_place(s: Session, subscriber_id: int, place_id: int, now: datetime) -> None:
    """Remove a place. Does nothing when it is gone already."""
    _lock(s)
    s.execute(delete(Place).where(Place.subscriber_id == subscriber_id, Place.id == place_id))
    wishes.note_choice(s, subscriber_id, now)


def stop(s: Session, subscriber_id: int, contact_id: int, now: datetime) -> None:
    """Stop everything to one of the resident's contacts. Raises NotFound."""
    contact = _own(s, subscriber_id, contact_id)
    consent.opt_out(s, contact.channel, contact.id, how=BY_PAGE, now=now)


def start(s: Session, subscriber_id: int, contact_id: int, now: datetime) -> None:
    """Send to a contact again that was stopped, be it for single topics. Its owner must have entered a code that came
    to it. Raises NotFound."""
    contact = _own(s, subscriber_id, contact_id)
    for topic in (None, *consent.topics_left(s, contact.channel, contact.address_index)):
        consent.opt_back_in(s, contact.channel, contact.id, how=BY_PAGE, now=now, topic=topic)


def _own(s: Session, subscriber_id: int, contact_id: int) -> Contact:
    _resident(s, subscriber_id)
    found = s.scalar(select(Contact).where(Contact.id == contact_id, Contact.subscriber_id == subscriber_id))
    if found is None:
        raise NotFound(_("This is not one of your phones and emails."))
    return found


def _resident(s: Session, subscriber_id: int) -> Subscriber:
    found = s.get(Subscriber, subscriber_id)
    if found is None or found.erased_at is not None:
        raise NotFound(_("You are not signed up any more."), hint=_("Join again to get messages."))
    return found


def _contact(s: Session, contact: Contact) -> OwnContact:
    reasons = consent.reasons_against(s, contact.channel, contact.address_index)
    return OwnContact(
        contact.id,
        contact.channel,
        record.shown(contact.channel, contact.address_sealed),
        "opt-out" in reasons,
        min(reasons - {"opt-out"}, default=""),
        sorted(consent.topics_left(s, contact.channel, contact.address_index)),
        not carrier_blocks.senders(s, contact.channel, contact.address_index).reach,
        contact.lowest_severity,
    )


def _place(place: Place, check: PlaceCheck | None) -> OwnPlace:
    sought = check is not None and check.decision is None
    return OwnPlace(place.id, place.label, _address(place), round(place.radius_m), sought, (check and check.why) or "")


def _address(place: Place) -> str:
    try:
        return crypto.unseal(place.address_sealed, SEALED_ADDRESS) if place.address_sealed else ""
    except Unavailable:
        return record.DAMAGED


def _lock(s: Session) -> None:
    """Wait for imports, which decide about residents as they are stored."""
    import_lock.take(s)
