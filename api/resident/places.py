"""Read the place of a form: an address that is certain, one of the places that it may mean, or a point on a map.

Nobody is sent away for an address that the city's file lacks: the nearest crossing, a ZIP code or a zone will do, and
somebody looks at the address later. Who lives beside the city is shown where its neighbour signs people up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from fastapi import Depends, Form
from sqlalchemy.orm import Session

from notify.city import geocoder
from notify.city.geocoder import Match
from notify.city.geocoder.regions import region, regions_like
from notify.city.geocoder.standing import city_before
from notify.core.characters import visible
from notify.core.errors import Invalid, TocsinError
from notify.core.neighbours import Neighbour
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.subscribers import wishes
from notify.subscribers.wishes import NOWHERE, RADII_M, Wish
from zones.placing import is_near

ZONES_LIKE = 3  # shown at most
NONE_OF_THEM = "none"  # of the choices
# Of a page with a place on it: a script may ask the device where it is.
MAY_LOCATE = {"Permissions-Policy": "camera=(), geolocation=(self), microphone=()"}


class Unknown(Invalid):
    """An address that the city's file lacks: the page asks for what is near."""


class Elsewhere(Invalid):
    """A place outside the city. `beside`: the neighbours who may warn there."""

    def __init__(self, beside: Sequence[Neighbour]) -> None:
        city = settings().city
        if len(beside) == 1:
            super().__init__(
                _("%(neighbour)s sends the alerts for this place, not %(city)s.", neighbour=beside[0].name, city=city),
                hint=_("Sign up there."),
            )
        else:
            hint = _("Write the address again, or sign up where it is.") if beside else _("Write the address again.")
            super().__init__(
                _("This place is far from our area: %(city)s sends no alerts there.", city=city), hint=hint
            )
        self.beside = beside


@dataclass(frozen=True, slots=True)
class Asked:
    """What was filled in about a place. `place`: one of the choices of the page before, "LON LAT ADDRESS"; with `near`,
    of what may be near. `point`: of the map or the device, "LON LAT". `near`: what is near an address that was not
    found. `nowhere`: it was ticked that only what goes to the whole city is wanted."""

    address: str = ""
    place: str = ""
    point: str = ""
    near: str = ""
    label: str = ""
    radius: str = ""
    nowhere: str = ""

    @property
    def given(self) -> Mapping[str, str]:
        """The fields that are filled in again."""
        fields = {"address": self.address, "point": self.point, "near": self.near, "label": self.label}
        fields |= {"nowhere": self.nowhere}
        return {name: value for name, value in (fields | {"radius": self.radius}).items() if value}


Text = Annotated[str, Form(max_length=320)]


async def asked(
    address: Text = "",
    place: Text = "",
    point: Text = "",
    near: Text = "",
    label: Text = "",
    radius: Text = "",
    nowhere: Text = "",
) -> Asked:
    return Asked(address, place, point, near, label, radius, nowhere)


AskedPlace = Annotated[Asked, Depends(asked)]


def asks_more(error: TocsinError | None) -> Mapping[str, Any]:
    """Return what a page shows besides an error about a place."""
    return {"unknown": isinstance(error, Unknown), "beside": error.beside if isinstance(error, Elsewhere) else ()}


def radii() -> Sequence[tuple[int, str]]:
    """Return the distances that can be chosen, in metres and in words: rounded miles, or what they are."""
    if settings().units == "us":
        words = (
            _("Only there"),
            _("Up to 0.3 miles around it: a few blocks"),
            _("Up to 0.6 miles around it: 15 minutes on foot"),
            _("Up to 1.2 miles around it"),
            _("Up to 3 miles around it"),
        )
    else:
        words = (
            _("Only there"),
            _("Up to 500 metres around it: a few blocks"),
            _("Up to 1 km around it: 15 minutes on foot"),
            _("Up to 2 km around it"),
            _("Up to 5 km around it"),
        )
    return list(zip(RADII_M, words, strict=True))


@dataclass(frozen=True, slots=True)
class Where:
    """The place; None while one of `choices` must be picked."""

    wish: Wish | None
    choices: Sequence[Match] = ()


def read(s: Session, one: Asked, *, may_be_nowhere: bool = False) -> Where:
    """Read where somebody wants alerts for. `may_be_nowhere`: they may also give no place, if they say so.

    Raises Invalid when nothing is given; Unknown when the address is not found, and nothing near it is given;
    Elsewhere for a place outside the city.
    """
    label, radius_m = _line(one.label)[:60] or _("Home"), radius_of(one.radius)
    address = _line(one.address)
    if one.place and one.place != NONE_OF_THEM:
        lon, lat, named = chosen(one.place)
        _require_near(s, lon, lat)
        if one.near.strip() and address:
            return Where(Wish(lon, lat, label, address, radius_m, "street", is_unknown=True))
        return Where(Wish(lon, lat, label, named, radius_m))
    if one.point:
        return Where(_on_map(s, one.point, address, label, radius_m))
    if not address and one.nowhere and may_be_nowhere:
        return Where(NOWHERE)
    if not address:
        raise Invalid(_("Where do you want alerts for?"), hint=_("Write a street and number, such as 120 Main St."))
    if one.near.strip():
        return _near(s, address, one.near, label, radius_m, refused=one.place == NONE_OF_THEM)
    return _by_address(s, address, label, radius_m, refused=one.place == NONE_OF_THEM)


def _by_address(s: Session, address: str, label: str, radius_m: float, *, refused: bool) -> Where:
    found = geocoder.find(s, address)
    if found.certain:
        match = found.matches[0]
        return Where(Wish(match.lon, match.lat, label, match.label, radius_m))
    beside = [one for one in settings().places_beside if one.is_named(address)]
    if beside:
        raise Elsewhere(beside)
    houses = [one for one in found.matches if one.kind != "street"]  # a whole street is no place
    if houses and not refused:
        return Where(None, houses)
    there = region(s, address)
    if there is not None:
        return Where(wishes.around(there, label, least_m=radius_m))
    if found.matches and not any(map(str.isdecimal, address)):
        raise Unknown(
            _("Which number in %(street)s?", street=found.matches[0].label),
            hint=_("Write the number before the street. Or tell us what is near."),
        )
    raise Unknown(
        _("We do not find this address in our city."),
        hint=_("Check the street and number. If it is right, tell us what is near: then we take it."),
    )


def _near(s: Session, address: str, near: str, label: str, radius_m: float, *, refused: bool) -> Where:
    """Place an unknown address by a crossing, another address, a ZIP code or a zone. What is not certain is offered,
    never taken: it may be somebody else's home, or the other end of the city."""
    known = geocoder.find(s, address)
    if known.certain:  # it was corrected
        match = known.matches[0]
        return Where(Wish(match.lon, match.lat, label, match.label, radius_m))
    there = region(s, near)
    if there is not None:
        return Where(wishes.around(there, label, address, least_m=radius_m, is_unknown=True))
    found = geocoder.find(s, near)
    if found.matches and not found.message:  # certain, or a crossing or landmark by its whole name
        match = found.matches[0]
        return Where(Wish(match.lon, match.lat, label, address, radius_m, "street", is_unknown=True))
    offered = [one for one in found.matches if one.kind != "street"]
    if offered and not refused:
        return Where(None, offered)
    like = regions_like(s, near, ZONES_LIKE)
    if like:
        raise Unknown(
            _("We do not find this in our city either."),
            hint=_("Do you mean one of these? Write its name: %(names)s.", names=", ".join(one.name for one in like)),
        )
    if found.matches and not offered:
        raise Unknown(
            _("%(street)s is a whole street.", street=found.matches[0].label),
            hint=_("Write two streets that cross, such as Main St & 2nd St, a ZIP code, or a part of the city."),
        )
    raise Unknown(
        _("We do not find this in our city either."),
        hint=_("Write two streets that cross, such as Main St & 2nd St, a ZIP code, or a part of the city."),
    )


def _on_map(s: Session, point: str, address: str, label: str, radius_m: float) -> Wish:
    """Return a point of the map, which an address that is known and near only names."""
    lon, lat, _rest = chosen(f"{point} ")
    _require_near(s, lon, lat)
    if not address:
        return Wish(lon, lat, label, "", radius_m)
    found = geocoder.find(s, address)
    if found.certain:
        return Wish(lon, lat, label, found.matches[0].label, radius_m)
    return Wish(lon, lat, label, address, radius_m, "map", is_unknown=True)


def chosen(given: str) -> tuple[float, float, str]:
    """Read "LON LAT ADDRESS", in degrees. Raises Invalid."""
    try:
        lon, lat, named = given.split(" ", 2)
        point = float(lon), float(lat)
        if not all(map(isfinite, point)):
            raise ValueError(given)
        return *point, _line(named)
    except ValueError:
        raise Invalid(_("Choose one of the places."), hint=_("Or write the address again.")) from None


def _line(given: str) -> str:
    """Return what was typed as one line of visible characters. PostgreSQL stores no NUL."""
    return " ".join(visible(given.replace("\0", " ")).split())


def radius_of(given: str) -> float:
    """Return the radius that was chosen, in metres; 0 for none of them."""
    return next((float(one) for one in RADII_M if given == str(one)), 0.0)


def _require_near(s: Session, lon: float, lat: float) -> None:
    beside = [one for one in settings().places_beside if one.has(lon, lat)]
    if beside:
        raise Elsewhere(beside)
    city = city_before(s)
    if city is not None and not is_near(lon, lat, city):
        raise Elsewhere(settings().places_beside)
