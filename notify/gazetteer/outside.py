"""A geocoder outside of Tocsin (US Census, Nominatim, Pelias), asked where the city's own data find nothing.

It learns the address that a resident typed. Nothing that it says is taken without a question.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from geopy.exc import GeopyError
from geopy.geocoders import Nominatim, Pelias
from geopy.geocoders.base import Geocoder
from geopy.location import Location

from notify.db import transaction
from notify.gazetteer.finding import LONGEST, NOT_FOUND, Found, Kind, Match, find
from notify.gazetteer.memory import Box, gazetteer
from notify.settings import Settings

log = structlog.get_logger()

URLS = {"census": "https://geocoding.geo.census.gov", "nominatim": "https://nominatim.openstreetmap.org"}
MOST = 5
SCORE = 0.6  # what a match is worth that we cannot judge
BESIDE_DEGREES = 0.3  # how far outside of all that the city knows a match may lie
USER_AGENT = "tocsin (city crisis notification)"

FROM_OUTSIDE = "An outside geocoder found this: check it on the map."
NO_ANSWER = "Nothing was found here, and the outside geocoder does not answer."


def look_up(text: str, settings: Settings) -> Found:
    """`find`, and the outside geocoder where that finds nothing. No transaction is open while that is asked."""
    with transaction() as s:
        found = find(s, text)
        box = gazetteer(s).box
    if found.matches or not settings.geocoder or not text.strip():
        return found
    try:
        matches = _ask(text, settings)
    except (GeopyError, AttributeError, LookupError, TypeError, ValueError) as error:
        # It does not answer, or not as it should.
        log.warning("geocoder.failed", geocoder=settings.geocoder, error=type(error).__name__)
        return replace(found, message=NO_ANSWER)
    matches = [match for match in matches if box is None or _near(match, box)][:MOST]
    return Found(tuple(matches), len(matches) > 1, False, FROM_OUTSIDE if matches else NOT_FOUND)


def _ask(text: str, settings: Settings) -> list[Match]:
    locations: Sequence[Location] | None = _geocoder(settings).geocode(text, exactly_one=False)
    return [_match(location, settings.geocoder) for location in locations or ()]


def _geocoder(settings: Settings) -> Any:
    url = urlsplit(settings.geocoder_url or URLS.get(settings.geocoder, ""))
    where = {"domain": f"{url.netloc}{url.path}", "scheme": url.scheme or "https"}
    common: dict[str, Any] = {"timeout": settings.geocoder_timeout_s, "user_agent": USER_AGENT, **where}
    if settings.geocoder == "nominatim":
        return Nominatim(**common)
    if settings.geocoder == "pelias":
        return Pelias(api_key=settings.geocoder_key.get_secret_value() or None, **common)
    return Census(**common)


class Census(Geocoder):  # type: ignore[misc]  # geopy has no types
    """The US Census Bureau's, which geopy does not have: one line in, places on the ranges of its streets out."""

    path = "/geocoder/locations/onelineaddress"

    def __init__(self, domain: str, **common: Any) -> None:
        super().__init__(**common)
        self._domain = domain

    def geocode(self, query: str, *, exactly_one: bool = False) -> Any:
        question = urlencode({"address": query, "benchmark": "Public_AR_Current", "format": "json"})
        return self._call_geocoder(f"{self.scheme}://{self._domain}{self.path}?{question}", self._read)

    def _read(self, document: dict[str, Any]) -> list[Location]:
        return [
            Location(match["matchedAddress"], (match["coordinates"]["y"], match["coordinates"]["x"]), match)
            for match in document["result"]["addressMatches"]
        ]


def _match(location: Location, geocoder: str) -> Match:
    score, label = SCORE, location.address
    kind: Kind = "range"
    if geocoder == "nominatim":
        kind = _KINDS.get(location.raw.get("addresstype") or location.raw.get("type"), "landmark")
        if location.raw.get("class") == "highway":
            kind = "street"
    elif geocoder == "pelias":
        about = location.raw.get("properties", {})
        kind, label = _KINDS.get(about.get("layer"), "landmark"), about.get("label") or label
        if kind == "point" and about.get("accuracy") != "point":
            kind = "range"
        score = min(float(about.get("confidence") or SCORE), 0.9)
    lon, lat = float(location.longitude), float(location.latitude)
    return Match(str(label)[:LONGEST], kind, lon, lat, round(score, 3), by=geocoder)


_KINDS: dict[Any, Kind] = {
    "house": "point", "building": "point", "place": "point", "address": "point", "house_number": "point",
    "street": "street", "road": "street", "highway": "street", "intersection": "intersection",
}  # fmt: skip


def _near(match: Match, box: Box) -> bool:
    west, south, east, north = box
    beside = BESIDE_DEGREES
    return west - beside <= match.lon <= east + beside and south - beside <= match.lat <= north + beside
