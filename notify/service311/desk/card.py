"""All that an agent sees of a resident on one screen. Phones, emails and addresses are masked until they are asked for.

Every look is in the audit: who, whom, when, and whether in clear.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts import arrivals
from notify.alerts.arrivals import Coming
from notify.core import crypto, points
from notify.core.errors import Unavailable
from notify.models import Contact, Operator, Place, Subscriber
from notify.service311.desk import here, limits, script
from notify.service311.desk.here import Here
from notify.service311.desk.script import Script
from notify.service311.reminders import last, next_evenings, wishes
from notify.service311.reminders.last import LastReminder
from notify.service311.reminders.wishes import Wish
from notify.subscribers import choices, received, record, serving
from notify.subscribers.entering import street
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.received import Answer
from notify.subscribers.record import ContactRecord, ResidentRecord

MISSED_WITHIN = timedelta(days=2)  # each alert of that time is compared with their places while somebody waits
PLACES_SHOWN = 3  # with what holds there; the others are named


@dataclass(frozen=True, slots=True)
class PlaceCard:
    """A place. `address`: without the number of the house unless it is in clear; "" for a point. `here`: what holds
    there; None if its point is damaged, or for the last of many places."""

    id: int
    label: str
    address: str
    here: Here | None


@dataclass(frozen=True, slots=True)
class Card:
    """`in_clear`: phones, emails and addresses are not masked. `muted_until`: the day on which routine messages come
    again. `coming`: what they are about to be sent, because they have just joined or added a place."""

    resident: ResidentRecord
    contacts: Sequence[ContactRecord]
    places: Sequence[PlaceCard]
    muted_until: date | None
    answer: Answer | None
    in_clear: bool
    script: Script | None = None
    reminded: Wish | None = None  # of collections, the evening before
    last_reminder: LastReminder | None = None
    evenings: Sequence[date] = ()  # on which they will be reminded of what a notice changes
    no_reminders: bool = False  # they refused them
    coming: Sequence[Coming] = ()


def show(s: Session, subscriber_id: int, now: datetime, by: Operator, *, in_clear: bool = False) -> Card:
    """Return the card of a resident, and note that it was looked at. Raises NotFound, NotAllowed, TooManyTries."""
    serving.require(by)
    limits.count(s, limits.UNMASK if in_clear else limits.LOOK, by, now)
    kept = s.get(Subscriber, subscriber_id)  # which keeps it in the session: others ask for it below
    resident = record.read(s, subscriber_id, whole=False) if kept is not None else None
    if resident is None:
        raise serving.unknown(subscriber_id)
    serving.note(s, now, by, "unmask" if in_clear else "find", subscriber_id)
    if resident.erased_at is not None:
        return Card(resident, resident.contacts, (), None, None, in_clear)
    theirs = s.scalars(select(Place).where(Place.subscriber_id == subscriber_id).order_by(Place.id)).all()
    places = _places(s, theirs, now, in_clear=in_clear)
    alerts = [told for place in places if place.here for told in place.here.alerts]
    return Card(
        resident,
        _contacts(s, resident, in_clear=in_clear),
        places,
        choices.read(s, subscriber_id, now).muted_until,
        received.read(s, subscriber_id, now, MISSED_WITHIN, where=False, theirs=theirs, reader="agent"),
        in_clear,
        script.of(s, alerts, now, resident.language),
        wishes.current(s, subscriber_id, now),
        last.last(s, subscriber_id, str if in_clear else street),
        next_evenings.of(s, subscriber_id, now),
        wishes.refused(s, subscriber_id),
        arrivals.coming(s, subscriber_id, now),
    )


def _contacts(s: Session, resident: ResidentRecord, *, in_clear: bool) -> Sequence[ContactRecord]:
    if not in_clear:
        return resident.contacts
    theirs = select(Contact.id, Contact.address_sealed).where(Contact.subscriber_id == resident.id)
    sealed = {row.id: row.address_sealed for row in s.execute(theirs)}
    return [replace(one, address=_opened(sealed[one.id], one.channel)) for one in resident.contacts]


def _places(s: Session, theirs: Sequence[Place], now: datetime, *, in_clear: bool) -> Sequence[PlaceCard]:
    cards = []
    for number, place in enumerate(theirs):
        address = _opened(place.address_sealed, SEALED_ADDRESS)
        known = None
        if number < PLACES_SHOWN:
            try:
                lon, lat = points.open_one(place.subscriber_id, place.point_sealed)
                known = here.at(s, lon, lat, now)
            except Unavailable:
                known = None
        cards.append(PlaceCard(place.id, place.label, address if in_clear else street(address), known))
    return cards


def _opened(sealed: bytes | None, purpose: str) -> str:
    try:
        return crypto.unseal(sealed, purpose) if sealed else ""
    except Unavailable:
        return record.DAMAGED
