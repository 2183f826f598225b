"""Addresses that the city's file lacks, which residents typed: somebody looks each up and accepts or refuses it.

Until then, and after a refusal, alerts count for the point that the resident gave or what is near it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from notify.city import geocoder
from notify.city.geocoder import Match
from notify.city.geocoder.standing import city_before
from notify.core import crypto, keyring, points
from notify.core.characters import visible
from notify.core.errors import Invalid, NotFound, Refused, Unavailable
from notify.core.kept_results import KeptResults
from notify.core.logs import scrub
from notify.core.translation import gettext as _
from notify.models import Operator, Place, PlaceCheck
from notify.subscribers import labels, record
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.serving import note, require, take
from notify.subscribers.wishes import note_arrival
from zones.placing import is_near

LONGEST_WHY = 200  # characters
# What of the city's file an address may be, by the file's version and the encrypted address: to look for it takes some
# milliseconds for each address of the page.
_fitting: KeptResults[tuple[str, bytes], Sequence[Match]] = KeptResults(most=500)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An address to look up. `typed`: by the resident. `lon`, `lat`: degrees, WGS 84, None if damaged. `given_by`:
    its origin, as in `PlaceCheck`. `radius_m`: metres around. `fitting`: what of the city's file it may be.
    """

    place_id: int
    typed: str
    lon: float | None
    lat: float | None
    given_by: str
    radius_m: int
    made_at: datetime
    language: str  # the resident's
    fitting: Sequence[Match]


@dataclass(frozen=True, slots=True)
class Moved:
    """The point that an address turned out to have, in degrees, WGS 84, and the address as the city writes it, "" to
    keep it as it was typed. `radius_m`: how far around it alerts count from now on."""

    lon: float
    lat: float
    address: str = ""
    radius_m: float = 0.0


def waiting(s: Session, now: datetime, by: Operator | None, most: int) -> Sequence[Waiting]:
    """Return the addresses that wait, oldest first. Who reads them is in the audit. Raises NotAllowed."""
    require(by)
    keyring.hold(s)
    rows = s.execute(text(_WAITING), {"most": most}).all()
    version = geocoder.version(s)
    found = [_waiting(s, row, version) for row in rows]
    if found:
        note(s, now, by, "list addresses", 0, count=len(found))
    return found


def count(s: Session) -> int:
    """Return how many addresses wait."""
    return s.scalar(select(func.count()).select_from(PlaceCheck).where(PlaceCheck.decision.is_(None))) or 0


def accept(s: Session, place_id: int, moved: Moved | None, now: datetime, by: Operator) -> None:
    """Accept an address: with the point that its place has, or move the place.

    Raises NotAllowed; NotFound when its resident has removed the place or is erased; Refused when it was decided
    already, for a point far from the city, and where the resident has another place.
    """
    place = _decide(s, place_id, "kept" if moved is None else "moved", None, now, by)
    if moved is not None:
        _move(s, place, moved)
        note_arrival(s, place.subscriber_id, now)
    state = "as it is" if moved is None else "moved"
    note(s, now, by, "accept address", place.subscriber_id, place=place_id, state=state)


def refuse(s: Session, place_id: int, why: str, now: datetime, by: Operator) -> None:
    """Refuse an address: its resident reads why. The place stays where it is. Raises as `accept`, and Invalid."""
    why = _reason(why)
    place = _decide(s, place_id, "refused", why, now, by)
    note(s, now, by, "refuse address", place.subscriber_id, place=place_id, why=why)


def drop(s: Session, place_id: int) -> None:
    """Take a place from the list whose address was replaced."""
    s.execute(delete(PlaceCheck).where(PlaceCheck.place_id == place_id))


def certain(s: Session, address: str) -> Match:
    """Return the place of an address of the city's file. Raises Invalid with those that it may mean."""
    found = geocoder.find(s, address)
    if found.certain:
        return found.matches[0]
    if not found.matches:
        raise Invalid(_("The city's file has no such address."), hint=_("Correct it, or give longitude and latitude."))
    fitting = "; ".join(one.label for one in found.matches)
    raise Invalid(
        _("The address may mean several places."), hint=_("Write one of these: %(fitting)s.", fitting=fitting)
    )


def _decide(s: Session, place_id: int, decision: str, why: str | None, now: datetime, by: Operator) -> Place:
    """Decide about an open address: of two people who do, the first one does."""
    require(by)
    owner = s.scalar(select(Place.subscriber_id).where(Place.id == place_id))
    if owner is None:
        raise _gone()
    take(s, owner)
    keyring.hold(s)
    decided = s.scalar(
        update(PlaceCheck)
        .where(PlaceCheck.place_id == place_id, PlaceCheck.decision.is_(None))
        .values(decision=decision, decided_at=now, decided_by=by.id, why=why)
        .returning(PlaceCheck.place_id)
    )
    if decided is None:
        if s.get(PlaceCheck, place_id) is None:
            raise _gone()
        raise Refused(_("Somebody else has decided about this address."), hint=_("The list has those that are left."))
    return s.get_one(Place, place_id)


def _move(s: Session, place: Place, moved: Moved) -> None:
    city = city_before(s)
    if city is not None and not is_near(moved.lon, moved.lat, city):
        raise Refused(_("The point is far from the city."), hint=_("Are longitude and latitude swapped?"))
    sealed = points.seal(place.subscriber_id, moved.lon, moved.lat)
    there = select(Place.label).where(
        Place.subscriber_id == place.subscriber_id, Place.id != place.id, Place.point_sealed == sealed.point_sealed
    )
    if (label := s.scalar(there)) is not None:
        raise Refused(
            _("This resident has a place at this point already: %(label)s.", label=label),
            hint=_("Accept the address with the point as it is, or refuse it."),
        )
    place.point_sealed, place.cell_index = sealed
    place.radius_m = moved.radius_m
    if moved.address:
        place.address_sealed = crypto.seal(moved.address, SEALED_ADDRESS)
    s.flush()


def _reason(why: str) -> str:
    """Read why an address is refused. It is stored in clear, so it has no address in it. Raises Invalid."""
    why = " ".join(visible(why).split())
    if not why or len(why) > LONGEST_WHY:
        raise Invalid(_("Say in 1 to %(n)s characters why.", n=LONGEST_WHY), hint=_("The resident reads it."))
    if scrub(why) != why or labels.is_private(why):
        raise Invalid(
            _("Leave out addresses, phone numbers and emails."),
            hint=_("The reason is stored in clear: say it in words."),
        )
    return why


def _waiting(s: Session, row: Any, version: str) -> Waiting:
    lon, lat = None, None
    try:
        typed = crypto.unseal(bytes(row.address_sealed), SEALED_ADDRESS) if row.address_sealed else ""
        lon, lat = points.open_one(row.subscriber_id, bytes(row.point_sealed))
        key = (version, bytes(row.address_sealed or b""))
        fitting = _fitting.get(key, lambda: [m for m in geocoder.find(s, typed).matches if m.kind != "street"])
    except Unavailable:
        typed, fitting = record.DAMAGED, ()
    return Waiting(row.place_id, typed, lon, lat, row.given_by, round(row.radius_m), row.made_at, row.language, fitting)


def _gone() -> NotFound:
    return NotFound(_("This address is not there any more."), hint=_("Its resident has removed or changed the place."))


_WAITING = """
    SELECT c.place_id, c.given_by, c.made_at, p.subscriber_id, p.address_sealed, p.point_sealed, p.radius_m,
           r.language
      FROM place_checks c JOIN places p ON p.id = c.place_id JOIN subscribers r ON r.id = p.subscriber_id
     WHERE c.decision IS NULL ORDER BY c.made_at, c.place_id LIMIT :most
"""
