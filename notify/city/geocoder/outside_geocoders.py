"""The outside geocoders, by geopy over our own HTTP client."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from geopy.adapters import AdapterHTTPError, BaseSyncAdapter
from geopy.exc import GeocoderParseError, GeocoderUnavailable, GeopyError
from geopy.geocoders import Nominatim, Pelias
from geopy.geocoders.base import Geocoder
from geopy.location import Location
from yarl import URL

from notify.channels.http.blocking import BlockingClient
from notify.channels.http.client import Endpoint, NotSent, OutcomeUnknown
from notify.channels.http.outbound import Outbound
from notify.city.geocoder.finding import LONGEST, Kind, Match
from notify.core.settings import Settings

URLS = {"census": "https://geocoding.geo.census.gov", "nominatim": "https://nominatim.openstreetmap.org"}
SCORE = 0.6  # for matches that come without a usable score
USER_AGENT = "tocsin (city crisis notification)"


class GeocoderFailed(Exception):
    """The geocoder gave no valid answer. The text is the type of the error, never the address (law 9)."""


def ask(text: str, settings: Settings) -> list[Match]:
    """Return the matches of the geocoder that the settings name. Raises GeocoderFailed."""
    try:
        return _ask(text, settings)
    except (GeopyError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise GeocoderFailed(type(error).__name__) from error


def _ask(text: str, settings: Settings) -> list[Match]:
    with BlockingClient(Outbound.of(settings)) as client:
        locations: Sequence[Location] | None = _geocoder(settings, client).geocode(text, exactly_one=False)
    return [_match(location, settings.geocoder) for location in locations or ()]


def _geocoder(settings: Settings, client: BlockingClient) -> Any:
    url = urlsplit(settings.geocoder_url or URLS.get(settings.geocoder, ""))
    where = {"domain": f"{url.netloc}{url.path}", "scheme": url.scheme or "https"}
    common: dict[str, Any] = {
        "timeout": settings.geocoder_timeout_s,
        "user_agent": USER_AGENT,
        "adapter_factory": lambda **_: _Adapter(client),
        **where,
    }
    if settings.geocoder == "nominatim":
        return Nominatim(**common)
    if settings.geocoder == "pelias":
        return Pelias(api_key=settings.geocoder_key.get_secret_value() or None, **common)
    return Census(**common)


class _Adapter(BaseSyncAdapter):  # type: ignore[misc]  # geopy has no types
    """Sends geopy's requests through our client, with one deadline and one limit of bytes for the whole answer.

    geopy's own adapters have a timeout for each read and no limit of size, so a slow server could hold a thread for
    ever.
    """

    def __init__(self, client: BlockingClient) -> None:
        super().__init__(proxies=None, ssl_context=None)
        self._client = client

    def get_json(self, url: str, *, timeout: float, headers: dict[str, str]) -> Any:
        try:
            return json.loads(self.get_text(url, timeout=timeout, headers=headers))
        except ValueError:
            raise GeocoderParseError("The answer is not JSON.") from None

    def get_text(self, url: str, *, timeout: float, headers: dict[str, str]) -> str:
        try:
            answer = self._client.ask(Endpoint("GET", URL(url, encoded=True), headers), None, timeout)
        except (NotSent, OutcomeUnknown) as error:
            raise GeocoderUnavailable(str(error)) from None
        if answer.status >= 300:
            raise AdapterHTTPError(f"HTTP {answer.status}", status_code=answer.status, headers={}, text="")
        return answer.body.decode("utf-8", "replace")


class Census(Geocoder):  # type: ignore[misc]  # geopy has no types
    """The US Census Bureau's geocoder, missing from geopy. It turns an address into places on street ranges."""

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
