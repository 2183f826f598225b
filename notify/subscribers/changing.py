"""Change a resident's places, phone or email, for a resident who calls."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from notify.city import geocoder
from notify.city.geocoder.standing import city_before
from notify.core import crypto, keyring, points
from notify.core.errors import Invalid, Refused
from notify.models import Consent, Contact, Operator, Place
from notify.subscribers import addresses, labels, place_checks, record
from notify.subscribers.giving_up import give_up
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.identity import free
from notify.subscribers.placing import NoPlace, certain
from notify.subscribers.rows import LONGEST_ADDRESS, LONGEST_LABEL, BadRow, one_line
from notify.subscribers.serving import note, parse, proof, require, take
from notify.subscribers.wishes import note_arrival, note_choice
from zones.placing import is_near


@dataclass(frozen=True, slots=True)
class Where:
    """A street address that the city knows, or degrees (WGS 84). `outside`: confirms that it is far from the city."""

    address: str = ""
    lon: float | None = None
    lat: float | None = None
    outside: bool = False


class Placed(NamedTuple):
    """A place, and the city's own form of its address, to check that it is not one with a similar spelling. "" if
    degrees were given."""

    id: int
    address: str


def move(
    s: Session, subscriber_id: int, place: str, where: Where, now: datetime, by: Operator | None, label: str = ""
) -> Placed:
    """Move a resident's place, named by its label or id, and give it another label if `label` is not empty.

    Raises Invalid, NotFound, NotAllowed; Refused for an erased resident, for a point far from the city, or where the
    resident has another place.
    """
    require(by)
    take(s, subscriber_id)
    keyring.hold(s)
    label = _label(label)
    if again := _moved_before(s, subscriber_id, place, where, label):
        return again
    moved = _place(s, subscriber_id, place)
    taken = _put(s, moved, where)
    moved.label = label or moved.label
    s.flush()
    place_checks.drop(s, moved.id)
    note_choice(s, subscriber_id, now)
    note_arrival(s, subscriber_id, now)
    note(s, now, by, "move", subscriber_id, place=moved.id)
    return Placed(moved.id, taken)


def _moved_before(s: Session, subscriber_id: int, place: str, where: Where, label: str) -> Placed | None:
    """Return the place that the same request has moved and named already: sent twice, it is done once."""
    there = _places(s, subscriber_id)
    if not label or any(_has_label(one, place) or str(one.id) == place.strip() for one in there):
        return None
    lon, lat, taken = _point(s, _line("address", where.address, LONGEST_ADDRESS), where)
    point = points.seal(subscriber_id, lon, lat).point_sealed
    found = [one for one in there if one.label == label and one.point_sealed == point]
    return Placed(found[0].id, taken) if found else None


def add_place(s: Session, subscriber_id: int, label: str, where: Where, now: datetime, by: Operator | None) -> Placed:
    """Add a place for a resident, such as work or a school.

    Raises as `move`; also Refused when the resident already has a place with this label.
    """
    require(by)
    take(s, subscriber_id)
    keyring.hold(s)
    label = _label(label)
    if not label:
        raise Invalid("A place needs a label.", hint="Use one such as home, work or school.")
    if any(one.label.casefold() == label.casefold() for one in _places(s, subscriber_id)):
        raise Refused(f"This resident has a place {label!r}.", hint="Move that one, or give the new one another label.")
    added = Place(subscriber_id=subscriber_id, label=label, created_at=now)
    taken = _put(s, added, where)
    s.add(added)
    s.flush()
    note_arrival(s, subscriber_id, now)
    note(s, now, by, "add-place", subscriber_id, place=added.id)
    return Placed(added.id, taken)


def remove_place(s: Session, subscriber_id: int, place: str, now: datetime, by: Operator | None) -> str:
    """Remove a resident's place, named by its label or id. Return what the operator should know, or "".

    Raises Invalid, NotFound, NotAllowed; Refused for an erased resident.
    """
    require(by)
    take(s, subscriber_id)
    removed = _place(s, subscriber_id, place)
    s.delete(removed)
    s.flush()
    note_choice(s, subscriber_id, now)
    note(s, now, by, "remove-place", subscriber_id, place=removed.id)
    return "" if _places(s, subscriber_id) else "No place is left: only alerts for the whole city reach this resident."


def correct(
    s: Session,
    subscriber_id: int,
    address: str,
    how: str,
    now: datetime,
    by: Operator | None,
    contact: int | None = None,
) -> str:
    """Replace a resident's phone or email. `how` the resident asked is stored as proof of the consent.

    The old address belongs to nobody afterwards, as after an erasure: a STOP from it stays in force, and an import
    restores it only with a later consent. `contact` is the one to replace if there are several. If the resident's
    stored address is damaged and the same one is given, it is encrypted again and nothing else changes. Return what
    still keeps messages from the new address, or "". Raises Invalid, NotFound, NotAllowed; Refused for an erased
    resident, or when this or another resident has the address.
    """
    require(by)
    channel, kept = parse(address)
    how = proof(how, kept)
    take(s, subscriber_id)
    keyring.hold(s)
    index = addresses.index(channel, kept)
    if (damaged := _damaged(s, channel, index, subscriber_id)) is not None:
        damaged.address_sealed = crypto.seal(kept, channel)
        s.flush()
        note(s, now, by, "correct", subscriber_id, channel=channel, damaged=damaged.id, how=how)
        return record.held(s, channel, index, now)
    _require_nobodys(s, channel, index, subscriber_id)
    old = _old(s, subscriber_id, channel, contact)
    free(s, [(channel, index)])
    if old is not None:
        give_up(s, old, now, reason="corrected", how="operator")
    new = Contact(
        subscriber_id=subscriber_id,
        channel=channel,
        address_index=index,
        address_sealed=crypto.seal(kept, channel),
        verified_at=now,
        created_at=now,
    )
    s.add(new)
    s.flush()
    s.execute(insert(Consent).values(contact_id=new.id, kind="opt-in", at=now, how=f"operator, corrected: {how}"))
    note_arrival(s, subscriber_id, now)
    note(s, now, by, "correct", subscriber_id, channel=channel, old=old and old.id, new=new.id, how=how)
    return record.held(s, channel, index, now)


def _put(s: Session, place: Place, where: Where) -> str:
    """Set the point and address of a place. Return the address as the city has it, or "" if degrees were given."""
    street = _line("address", where.address, LONGEST_ADDRESS)
    lon, lat, taken = _point(s, street, where)
    sealed = points.seal(place.subscriber_id, lon, lat)
    for other in _places(s, place.subscriber_id):
        if other.point_sealed == sealed.point_sealed and other is not place:
            raise Refused(f"Place {other.id} of this resident is there already.", hint="Look the resident up.")
    place.point_sealed, place.cell_index = sealed
    place.address_sealed = crypto.seal(street, SEALED_ADDRESS) if street else None
    return taken


def _point(s: Session, street: str, where: Where) -> tuple[float, float, str]:
    if (where.lon is None) != (where.lat is None) or (where.lon is None) != bool(street):
        raise Invalid("Give a street address, or lon and lat.")
    if where.lon is None or where.lat is None:
        found = _located(s, street)
        lon, lat, taken = found.lon, found.lat, found.label
    else:
        lon, lat, taken = where.lon, where.lat, ""
    city = city_before(s)
    if city is not None and not is_near(lon, lat, city) and not where.outside:
        raise Refused(
            f"{'address' if street else 'lon, lat'}: far from the city, or swapped.",
            hint="Ask the caller. If it is right, repeat it with `--outside`, or over REST with `outside`: true.",
        )
    return lon, lat, taken


def _located(s: Session, street: str) -> geocoder.Match:
    found = geocoder.find(s, street)
    try:
        certain(found)
        return found.matches[0]
    except NoPlace as error:
        candidates = [match.label for match in found.matches]
        like = f" It may be: {'; '.join(candidates)}." if candidates else ""
        raise Invalid(f"address: {error}{like}", hint="Ask the caller which one it is.") from None


def _place(s: Session, subscriber_id: int, named: str) -> Place:
    """Return the place with this label, or else with this id. Raises Invalid."""
    there = _places(s, subscriber_id)
    fitting = [one for one in there if _has_label(one, named)] or [one for one in there if str(one.id) == named.strip()]
    if len(fitting) != 1:
        known = ", ".join(f"{one.label} ({one.id})" for one in there) or "none"
        what = "Several places have this label" if fitting else "This resident has no such place"
        raise Invalid(f"{what}. Places: {known}.", hint="Give the id of one.")
    return fitting[0]


def _has_label(place: Place, named: str) -> bool:
    return place.label.casefold() == " ".join(named.split()).casefold()  # labels are stored like this


def _places(s: Session, subscriber_id: int) -> list[Place]:
    return list(s.scalars(select(Place).where(Place.subscriber_id == subscriber_id).order_by(Place.id)))


def _require_nobodys(s: Session, channel: str, index: bytes, subscriber_id: int) -> None:
    there = addresses.contact(s, channel, index)
    owner = there.subscriber_id if there is not None else None
    if owner == subscriber_id:
        raise Refused("This resident already has the address.", hint="Look the resident up: is it verified?")
    if owner is not None:
        raise Refused(
            f"This address belongs to resident {owner}.",
            hint="If both are one person, erase the resident that is not needed first. If a number has passed from one"
            " person to another, correct or erase the previous owner.",
        )


def _damaged(s: Session, channel: str, index: bytes, subscriber_id: int) -> Contact | None:
    """Return this resident's contact with this address if it is found by its index but cannot be decrypted."""
    found = s.scalar(
        select(Contact).where(
            Contact.channel == channel, Contact.address_index == index, Contact.subscriber_id == subscriber_id
        )
    )
    return found if found and record.shown(channel, found.address_sealed) == record.DAMAGED else None


def _old(s: Session, subscriber_id: int, channel: str, contact: int | None) -> Contact | None:
    """Return the contact that the new one replaces; None if there is none on this channel. Raises Invalid."""
    there = list(
        s.scalars(
            select(Contact)
            .where(Contact.subscriber_id == subscriber_id, Contact.channel == channel)
            .order_by(Contact.id)
        )
    )
    fitting = [one for one in there if contact in (None, one.id)]
    if len(fitting) > 1 or (contact is not None and not fitting):
        what = "has several" if contact is None else f"has no contact {contact} among its"
        known = ", ".join(
            f"{one.id} ({record.shown(channel, one.address_sealed)})" for one in there if one.address_sealed
        )
        raise Invalid(f"This resident {what} {channel} contacts: {known or 'none'}.", hint="Give the id of one.")
    return fitting[0] if fitting else None


def _label(given: str) -> str:
    label = _line("label", given, LONGEST_LABEL)
    if labels.is_private(label):
        raise Invalid("label: it looks like an address.", hint="Use a word such as home, work or school.")
    return label


def _line(name: str, given: str, most: int) -> str:
    try:
        return one_line(name, given, most)
    except BadRow as fault:
        raise Invalid(str(fault)) from None
