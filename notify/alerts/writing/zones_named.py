"""The zones that the place of a request names, where it says nothing else. Pure.

A place is words: "1 Main St" and "North Avenue" are no zones "1" and "North". So only names by themselves count, as one
of them or a list: "Old Town", "Harbor, Old Town and Riverside", "zones 1, 2". A wrong area is worse than none.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from notify.core.characters import without_marks

SHORT = 2  # characters of a name that may be a house number: in a list it counts only after the word "zone"
_ZONE = re.compile(r"zon[ea]s?\s+")
_ZONES = re.compile(r"zon[ea]s\s+")  # that of a whole list
# By commas alone first: a zone may be called "Parks and Gardens".
_LISTS = (re.compile(r"\s*[,;\n]\s*"), re.compile(r"\s*[,;\n]?\s+(?:and|y|e)\s+|\s*[,;\n&]\s*"))


def named(zones: Mapping[int, str], place: str) -> list[int]:
    """Return the zones that a place is made of. None where it says anything else, or where a name is of several zones.

    `zones`: their names by number. Capitals and accents do not count.
    """
    called = defaultdict[str, list[int]](list)
    for number, name in zones.items():
        called[_plain(name)].append(number)
    words = _plain(place)
    if words in called:
        return _found([called[words]])
    after_zones = _ZONES.match(words) is not None
    for between in _LISTS:
        parts = between.split(_ZONES.sub("", words, count=1) if after_zones else words)
        if found := _found([_zones_of(called, part, after_zones) for part in parts]):
            return found
    return []


def _zones_of(called: Mapping[str, list[int]], part: str, after_zones: bool) -> list[int]:
    if part in called and (after_zones or len(part) > SHORT):
        return called[part]
    name = _ZONE.sub("", part, count=1)
    return called.get(name, []) if name != part else []


def _found(each: Sequence[Sequence[int]]) -> list[int]:
    """One zone for each part, or none at all."""
    return list(dict.fromkeys(one[0] for one in each)) if all(len(one) == 1 for one in each) else []


def _plain(words: str) -> str:
    return re.sub(r"[^\S\n]+", " ", without_marks(words).casefold()).strip(" .\n")
