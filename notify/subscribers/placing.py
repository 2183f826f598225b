"""The place of a resident who gave an address only: one that the city's own data know for sure, or none.

An outside geocoder is not asked: whoever imports a file decides about many residents at once, and none of them sees
where they were put.
"""

from notify.city import geocoder
from notify.core.db import transaction


class NoPlace(Exception):
    """Its text is the reason, without the address (law 9)."""


def place(address: str) -> tuple[float, float]:
    """(lon, lat). Raises NoPlace."""
    with transaction() as s:
        found = geocoder.find(s, address)
    return certain(found)


def certain(found: geocoder.Found) -> tuple[float, float]:
    """(lon, lat) of what the city knows for sure. Raises NoPlace."""
    if found.certain:
        return found.matches[0].lon, found.matches[0].lat
    if not found.matches:
        raise NoPlace("it is not known; give lon and lat.")
    if found.message == geocoder.NO_SUCH_NUMBER:
        raise NoPlace("the street has no such number; correct it, or give lon and lat.")
    if found.matches[0].kind in ("street", "intersection", "landmark"):
        raise NoPlace("nobody lives there: a house number is missing; or give lon and lat.")
    if found.ambiguous:
        raise NoPlace("several places fit; write it in full, or give lon and lat.")
    raise NoPlace("only something like it is known; correct it, or give lon and lat.")
