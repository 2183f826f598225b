"""The city's own streets, addresses and landmarks: `keep_...` import them, `find` finds an address among them."""

from notify.city.geocoder.finding import NO_SUCH_NUMBER, Found, Kind, Match, find, find_many, locate, streets_called
from notify.city.geocoder.keeping import CITY, Kept, keep_addresses, keep_landmarks, keep_streets
from notify.city.geocoder.memory import version
from notify.city.geocoder.suggesting import suggest

__all__ = [
    "CITY",
    "NO_SUCH_NUMBER",
    "Found",
    "Kept",
    "Kind",
    "Match",
    "find",
    "find_many",
    "keep_addresses",
    "keep_landmarks",
    "keep_streets",
    "locate",
    "streets_called",
    "suggest",
    "version",
]
