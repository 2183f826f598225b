"""The places that residents ask for by themselves: how many, and when two are one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.city.geocoder.regions import Region
from notify.core import crypto, keyring, points
from notify.core.errors import Refused, Unavailable
from notify.core.translation import gettext as _
from notify.models import Arrival, Place, PlaceCheck, Subscriber
from notify.subscribers import labels
from notify.subscribers.homes import SEALED_ADDRESS, street
from zones.addresses.ranges import metres

MOST_PLACES = 10
# A house is not put at quite the same point by two files of addresses; nor is a place on a map by two people.
SAME_M = 100.0
# How far around a place alerts may lie that its resident wants to hear of, in metres.
RADII_M = (0, 500, 1_000, 2_000, 5_000)


@dataclass(frozen=True, slots=True)
class Wish:
    """The place that somebody wants alerts for. Degrees, WGS 84; `address` as it was given, "" for a point.

    `radius_m`: how far around it. `found_by`: where its point is from, as in `PlaceCheck.given_by`, if not from the
    address. `is_unknown`: the city's file lacks the address, and somebody is to look at it. NOWHERE has no place.
    """

    lon: float
    lat: float
    label: str
    address: str = ""
    radius_m: float = 0.0
    found_by: str = ""
    is_unknown: bool = False


NOWHERE = Wish(0.0, 0.0, "", found_by="nowhere")  # only what goes to the whole city is wanted


def around(there: Region, label: str, address: str = "", *, least_m: float = 0.0, is_unknown: bool = False) -> Wish:
    """Return the wish of who is placed by a ZIP code or a zone: from its middle as far as it goes, in the least of
    RADII_M that does. `address`: that which was typed; "" when the ZIP code or zone was. `least_m`: metres."""
    reach_m = max(there.reach_m, least_m)
    radius_m = float(next((one for one in RADII_M if one >= reach_m), RADII_M[-1]))
    return Wish(there.lon, there.lat, label, address or there.name, radius_m, there.kind, is_unknown)


def add(s: Session, subscriber_id: int, wish: Wish, now: datetime) -> None:
    """Store a place, unless the resident has it already: then its circle becomes the wider of both. The caller holds
    `import_lock`. In any case they are told what is in force at their places.

    The same point is the same place, and so is the same address a few metres away. Raises Refused when there are too
    many.
    """
    keyring.hold(s)
    note_arrival(s, subscriber_id, now)
    if wish == NOWHERE:
        return
    label, address = labels.parted(wish.label, wish.address, _("Home"))
    wish = replace(wish, label=label, address=address)
    sealed = points.seal(subscriber_id, wish.lon, wish.lat)
    there = _places(s, subscriber_id)
    same = [one for one in there if one.point_sealed == sealed.point_sealed]
    address = wish.address.casefold()
    same += [one for one in _near(there, wish) if address and street(one.address_sealed) == address]
    if same:
        same[0].radius_m = max(same[0].radius_m, wish.radius_m)
        return
    if len(there) >= MOST_PLACES:
        raise too_many()
    label = _own_label(wish.label, there)
    place = s.scalar(
        insert(Place)
        .values(
            subscriber_id=subscriber_id,
            label=label,
            point_sealed=sealed.point_sealed,
            cell_index=sealed.cell_index,
            radius_m=wish.radius_m,
            address_sealed=crypto.seal(wish.address, SEALED_ADDRESS) if wish.address else None,
            created_at=now,
        )
        .returning(Place.id)
    )
    if wish.is_unknown:
        s.execute(insert(PlaceCheck).values(place_id=place, given_by=wish.found_by, made_at=now))


def _own_label(label: str, there: Sequence[Place]) -> str:
    """Return a label that none of the resident's places has: `work`, then `work 2`."""
    taken = {one.label.casefold() for one in there}
    others = (f"{label} {n}" for n in range(2, MOST_PLACES + 2))
    return next(one for one in (label, *others) if one.casefold() not in taken)


def note_arrival(s: Session, subscriber_id: int, now: datetime) -> None:
    """Have a resident who has joined, or has another place, told what is in force there (`alerts.arrivals`)."""
    s.add(Arrival(subscriber_id=subscriber_id, at=now, due_at=now))


def note_choice(s: Session, subscriber_id: int, now: datetime) -> None:
    """Note that a topic or a place of a resident was taken away, so that no older list brings it back."""
    s.execute(update(Subscriber).where(Subscriber.id == subscriber_id).values(chosen_at=now))


def too_many() -> Refused:
    return Refused(
        _("You have %(n)s places already.", n=MOST_PLACES),
        hint=_("Remove one that you do not need any more, then add the new one."),
    )


def is_at_home(s: Session, subscriber_id: int, wish: Wish) -> bool:
    """Return whether the resident has a place there. The middle of a ZIP code or zone is nobody's home, to live near a
    place is not to live there, and NOWHERE is no place."""
    near = {"zip", "zone", "street", NOWHERE.found_by}
    return wish.found_by not in near and any(_near(_places(s, subscriber_id), wish))


def _places(s: Session, subscriber_id: int) -> list[Place]:
    return list(s.scalars(select(Place).where(Place.subscriber_id == subscriber_id).order_by(Place.id)))


def _near(places: list[Place], wish: Wish) -> Iterator[Place]:
    for one in places:
        try:
            point = points.open_one(one.subscriber_id, one.point_sealed)
        except Unavailable:
            continue  # a damaged one is nowhere
        if metres(point, (wish.lon, wish.lat)) <= SAME_M:
            yield one
