"""The zone of the poster whose QR code somebody scanned: `/join?zone=ID`."""

from fastapi import Request

from notify.core.db import transaction
from notify.models import Zone

MOST_DIGITS = 15


def poster_zone(request: Request) -> str:
    """Return the name of the zone, "" without one. A zone that was retired is still on its posters."""
    given = request.query_params.get("zone", "")
    if not (given.isascii() and given.isdecimal() and len(given) <= MOST_DIGITS):
        return ""
    with transaction() as s:
        zone = s.get(Zone, int(given))
        return zone.name if zone else ""
