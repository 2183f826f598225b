"""Find what a caller is about: a resident by phone or email, an alert by its code, a zone by its name, an address.

An address finds no resident: it answers what holds there, and not who lives there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.city import basemap, geocoder
from notify.city.geocoder import Match
from notify.core import keyring
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.models import Alert, Contact, Operator
from notify.service311.desk import limits, reading
from notify.subscribers import addresses, record, serving
from notify.subscribers.record import Suppressed

LIKE = 5  # zones with the words in their name, shown beside addresses


@dataclass(frozen=True, slots=True)
class House:
    label: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class NamedZone:
    id: int
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One of them is filled. `contact`: that of the resident by which they were found. `stranger`: a masked phone or
    email that no resident has, with what stops messages to it in `suppressions`. `choices` and `zones`: what the words
    may mean, to be asked back."""

    resident: int = 0
    contact: int = 0
    stranger: str = ""
    suppressions: Sequence[Suppressed] = ()
    alert: int = 0
    house: House | None = None
    choices: Sequence[Match] = ()
    zones: Sequence[NamedZone] = ()


def look(s: Session, given: str, now: datetime, by: Operator) -> Seen:
    """Look up what an agent has typed. Raises Invalid for what is nothing, NotAllowed, TooManyTries."""
    serving.require(by)
    sought = reading.read(given)
    if sought.kind == "nothing":
        raise Invalid(
            _("What do you look for?"), hint=_("Write a phone, an email, an address, an alert's code or a zone.")
        )
    if sought.kind == "contact":
        return _contact(s, sought, now, by)
    zones = _zones(s)
    if exact := [one for one in zones if one.name.casefold() == sought.words.casefold()]:  # also "Zone 4"
        return Seen(zones=exact)
    if sought.kind == "alert" and s.get(Alert, sought.alert) is not None:
        return Seen(alert=sought.alert)
    return _named(s, sought.words, zones)


def _contact(s: Session, sought: reading.Sought, now: datetime, by: Operator) -> Seen:
    keyring.hold(s)
    index = addresses.index(sought.channel, sought.contact)
    theirs = (Contact.channel == sought.channel, Contact.address_index == index)
    owned = s.execute(select(Contact.subscriber_id, Contact.id).where(*theirs)).one_or_none()
    if owned is not None and owned.subscriber_id:
        return Seen(resident=owned.subscriber_id, contact=owned.id)  # counted and noted where they are shown
    limits.count(s, limits.MISS, by, now)
    serving.note(s, now, by, "find", 0)
    masked = addresses.masked(sought.channel, sought.contact)
    return Seen(stranger=masked, suppressions=record.suppressions(s, sought.channel, index))


def _zones(s: Session) -> Sequence[NamedZone]:
    known = basemap.zones_now(s, basemap.current(s)).about
    return [NamedZone(int(one["id"]), str(one["name"]), str(one["kind"])) for one in known]


def _named(s: Session, words: str, zones: Sequence[NamedZone]) -> Seen:
    found = geocoder.find(s, words)
    if found.certain:
        best = found.matches[0]
        return Seen(house=House(best.label, best.lon, best.lat))
    houses = [one for one in found.matches if one.kind != "street"]
    like = [one for one in zones if words.casefold() in one.name.casefold()][:LIKE]
    if not houses and not like:
        raise _nothing(words)
    return Seen(choices=houses, zones=like)


def _nothing(words: str) -> Invalid:
    meant = reading.looks_like(words)
    if meant == "phone":
        return Invalid(
            _("%(words)s is not a phone number.", words=words),
            hint=_("Type its area code and number, such as 202 555 0107; from abroad with + and the country code."),
        )
    if meant == "email":
        return Invalid(_("%(words)s is not an email address.", words=words), hint=_("Type it as in ana@example.org."))
    return Invalid(
        _("Nothing is found for %(words)s.", words=words),
        hint=_("Ask for the street and number, or for a cross street."),
    )
