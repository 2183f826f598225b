"""Read the place of a form: an address that is certain, or one of the places that it may mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from sqlalchemy.orm import Session

from notify.city import geocoder
from notify.city.geocoder import Match
from notify.city.geocoder.standing import city_before
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.subscribers.wishes import Wish
from zones.placing import is_near


@dataclass(frozen=True, slots=True)
class Where:
    """The place; None while one of `choices` must be picked."""

    wish: Wish | None
    choices: Sequence[Match] = ()


def read(s: Session, address: str, chosen: str, label: str = "") -> Where:
    """Read a street address, or `chosen`, one of the choices of the page before: "LON LAT ADDRESS".

    Raises Invalid when nothing is found, or far from the city.
    """
    label = " ".join(label.split())[:60] or _("Home")
    if chosen:
        lon, lat, named = _chosen(chosen)
        _require_near(s, lon, lat)
        return Where(Wish(lon, lat, label, named))
    if not address.strip():
        raise Invalid(_("Where do you want alerts for?"), hint=_("Write a street and number, such as 120 Main St."))
    found = geocoder.find(s, address)
    if found.certain:
        match = found.matches[0]
        return Where(Wish(match.lon, match.lat, label, match.label))
    if found.matches:
        return Where(None, found.matches)
    raise Invalid(
        _("We do not find this address in %(city)s.", city=settings().city),
        hint=_(
            "Check the street and number. If it is right, call %(help)s: they can sign you up.",
            help=settings().help_contact,
        ),
    )


def _chosen(chosen: str) -> tuple[float, float, str]:
    try:
        lon, lat, named = chosen.split(" ", 2)
        point = float(lon), float(lat)
        if not all(map(isfinite, point)):
            raise ValueError(chosen)
        return *point, named
    except ValueError:
        raise Invalid(_("Choose one of the places."), hint=_("Or write the address again.")) from None


def _require_near(s: Session, lon: float, lat: float) -> None:
    city = city_before(s)
    if city is not None and not is_near(lon, lat, city):
        raise Invalid(_("This place is far from %(city)s.", city=settings().city), hint=_("Write the address again."))
