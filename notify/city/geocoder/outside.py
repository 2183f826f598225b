"""Ask an outside geocoder (US Census, Nominatim, Pelias) when the city's own data have no match.

It receives the address that a resident typed. Its matches always need confirmation.
"""

from dataclasses import replace

import structlog

from notify.city.geocoder.finding import NOT_FOUND, Found, Match, find
from notify.city.geocoder.memory import Box, gazetteer
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.core.translation import gettext_noop

log = structlog.get_logger()

MOST = 5
BESIDE_DEGREES = 0.3  # how far outside the bounds of the city's own data a match may lie

FROM_OUTSIDE = gettext_noop("An outside geocoder found this. Check it on the map.")
NO_ANSWER = gettext_noop("Nothing was found here, and the outside geocoder does not answer.")


def look_up(text: str, settings: Settings) -> Found:
    """Call `find`, then the outside geocoder if nothing was found. No transaction is open meanwhile."""
    with transaction() as s:
        found = find(s, text)
        box = gazetteer(s).box
    if found.matches or not settings.geocoder or not text.strip():
        return found
    from notify.city.geocoder.outside_geocoders import GeocoderFailed, ask  # geopy costs 12 MB; few cities ask outside

    try:
        matches = ask(text, settings)
    except GeocoderFailed as error:
        log.warning("geocoder.failed", geocoder=settings.geocoder, error=str(error))
        return replace(found, message=NO_ANSWER)
    matches = [match for match in matches if box is None or _near(match, box)][:MOST]
    return Found(tuple(matches), len(matches) > 1, False, FROM_OUTSIDE if matches else NOT_FOUND)


def _near(match: Match, box: Box) -> bool:
    west, south, east, north = box
    beside = BESIDE_DEGREES
    return west - beside <= match.lon <= east + beside and south - beside <= match.lat <= north + beside
