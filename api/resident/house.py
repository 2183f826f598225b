"""The house that somebody writes the address of: certain, or asked back."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from api.resident import places
from notify.city import geocoder
from notify.city.geocoder import Match
from notify.core.errors import Invalid
from notify.core.translation import gettext as _


class House(NamedTuple):
    """`lon`, `lat`: degrees in WGS84."""

    label: str
    lon: float
    lat: float


def house(s: Session, address: str, place: str) -> tuple[House | None, Sequence[Match]]:
    """Return the house of an address, or None and those that it may be. What is not certain is asked back, even where
    there is only one: nobody is shown the days of a house that is called like theirs. `place`: what was picked.

    Raises Invalid where there is none.
    """
    if place and place != places.NONE_OF_THEM:
        lon, lat, label = places.chosen(place)
        return House(label, lon, lat), ()
    asked = " ".join(address.split())
    if not asked:
        raise Invalid(_("Which address?"), hint=_("Write a street and number, such as 120 Main St."))
    found = geocoder.find(s, asked)
    if found.certain:
        match = found.matches[0]
        return House(match.label, match.lon, match.lat), ()
    houses = [one for one in found.matches if one.kind != "street"]
    if not houses or place == places.NONE_OF_THEM:
        raise Invalid(_("We do not find this address in our city."), hint=_("Check the street and number."))
    return None, houses
