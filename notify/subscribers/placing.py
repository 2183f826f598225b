"""Find the place of a resident who gave only an address, if it is certain by the city's own data.

No outside geocoder is used: an import places many residents at once, and none of them can check the result.
"""

from notify.city import geocoder
from notify.core.db import transaction


class NoPlace(Exception):
    """The address has no certain place. The text is the reason, without the address (law 9)."""


def place(address: str) -> tuple[float, float]:
    """Return (lon, lat) of an address. Raises NoPlace."""
    with transaction() as s:
        found = geocoder.find(s, address)
    return certain(found)


def certain(found: geocoder.Found) -> tuple[float, float]:
    """Return (lon, lat) of a certain match. Raises NoPlace."""
    if found.certain:
        return found.matches[0].lon, found.matches[0].lat
    if not found.matches:
        raise NoPlace("it is not known; give lon and lat.")
    if found.message == geocoder.NO_SUCH_NUMBER:
        raise NoPlace("the street has no such number; correct it, or give lon and lat.")
    if found.matches[0].kind in ("street", "intersection", "landmark"):
        raise NoPlace("the house number is missing; add it, or give lon and lat.")
    if found.ambiguous:
        raise NoPlace("several places fit; write it in full, or give lon and lat.")
    raise NoPlace("only a similar one is known; correct it, or give lon and lat.")
