"""An index of all streets of a city by name, in memory. It finds the streets that a text may mean, with scores.

Letters may be wrong but digits may not: 5th and 15th are different streets. A missing or misspelt direction leaves all
possible streets; north is never silently taken for south.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from zones.addresses.readings import Reading
from zones.addresses.streets import StreetName, short_cores, street_name, words_of
from zones.addresses.words import ORDINALS, STATES, TYPES

MOST = 24  # candidates of an address
DROP = 0.45  # candidates with a lower score are dropped
# The deduction for each difference, from a score of 1.
NO_TYPE, TYPE_OF_NONE, MISSPELT_TYPE, OTHER_TYPE = 0.05, 0.08, 0.04, 0.16
# Another direction costs enough that the match is never certain (`notify/city/geocoder/finding.py`, SURE).
NO_DIRECTION, DIRECTION_OF_NONE, MOVED_DIRECTION, OTHER_DIRECTION, LEANING = 0.06, 0.10, 0.03, 0.35, 0.02
TOO_SHORT = 0.15  # a name of two letters with a letter wrong: never certain
STRAY_NUMBER = 0.31  # County Rd 12 where only a County Rd exists: never certain
NO_END = 0.15  # unknown words after a street without a type: they may belong to its name
UNKNOWN_WORD, TYPE_LEFT_OVER = 0.05, 0.25
LETTER, SHARE_OF_NAME = 0.05, 0.45  # for each wrong letter, and for the share of the name that is wrong


@dataclass(frozen=True, slots=True)
class Candidate:
    """A street that may be meant. `spelt`: its name is spelt correctly."""

    street: str  # as stored
    name: StreetName
    reading: Reading
    score: float
    spelt: bool


class StreetIndex:
    """An index of street names. It is rebuilt when the streets change; 4,000 names take 0.1 s."""

    def __init__(self, streets: Iterable[str], localities: Iterable[str] = ()) -> None:
        self._streets: list[tuple[str, StreetName]] = [(street, street_name(street)) for street in streets]
        self._localities = STATES.union(*(words_of(locality) for locality in localities))
        self._by_key: dict[str, list[str]] = defaultdict(list)
        self._by_core: dict[str, list[int]] = defaultdict(list)
        for i, (street, name) in enumerate(self._streets):
            self._by_key[name.key].append(street)
            for core in {name.core, _in_words(name.core), *short_cores(name)} - {""}:
                self._by_core[core].append(i)
        self._cores = list(self._by_core)
        self._sorted = sorted((key, i) for i, (_, name) in enumerate(self._streets) for key in _beginnings(name))

    def __len__(self) -> int:
        return len(self._streets)

    def same(self, written: str) -> list[str]:
        """Return the stored street, whatever abbreviations are used; several if it is stored in several spellings."""
        return self._by_key.get(street_name(written).key, [])

    def spelt(self, readings: Sequence[Reading]) -> list[Candidate]:
        """Return streets whose name is spelt correctly, best first. Types and directions may be wrong."""
        found = ((i, reading, 0) for reading in readings for i in self._by_core.get(reading.street.core, ()))
        return self._ranked(found)

    def near(self, readings: Sequence[Reading]) -> list[Candidate]:
        """Return streets whose name is spelt correctly or nearly so, best first."""
        wanted = list({reading.street.core for reading in readings if reading.street.core})
        if not wanted or not self._cores:
            return []
        most = np.array([_of_length(len(core)) for core in wanted], dtype=np.uint8)
        distances = process.cdist(
            wanted, self._cores, scorer=OSA.distance, score_cutoff=int(most.max()), dtype=np.uint8
        )
        close: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for w, c in np.argwhere(distances <= most[:, None]).tolist():
            core, distance = self._cores[c], int(distances[w, c])
            if distance == 0 or distance <= _most_wrong(wanted[w], core):
                close[wanted[w]] += [(i, distance) for i in self._by_core[core]]
        found = ((i, reading, wrong) for reading in readings for i, wrong in close[reading.street.core])
        return self._ranked(found)

    def beginning(self, words: str, most: int) -> list[str]:
        """Return streets whose name begins with this (`BRO`, `N BRO`, `NORTH BRO`), in alphabetical order."""
        key = _prefix(words)
        found: dict[str, None] = {}
        at = bisect_left(self._sorted, (key, -1))
        while key and at < len(self._sorted) and len(found) < most and self._sorted[at][0].startswith(key):
            found[self._streets[self._sorted[at][1]][0]] = None
            at += 1
        return list(found)

    def _ranked(self, found: Iterable[tuple[int, Reading, int]]) -> list[Candidate]:
        best: dict[int, Candidate] = {}
        for i, reading, wrong in found:
            street, name = self._streets[i]
            score = self._score(reading, name, wrong)
            if score >= DROP and (i not in best or best[i].score < score):
                best[i] = Candidate(street, name, reading, score, wrong == 0)
        return sorted(best.values(), key=lambda one: (-one.score, one.street))[:MOST]

    def _score(self, reading: Reading, name: StreetName, wrong: int) -> float:
        score = 1.0 - reading.doubt - _type(reading, name) - _direction(reading, name)
        if wrong:
            longer = max(len(name.core), len(reading.street.core))
            score -= LETTER * wrong + SHARE_OF_NAME * wrong / longer
            score -= TOO_SHORT if len(reading.street.core) < 3 else 0.0
        unknown = [word for word in reading.tail if word not in self._localities]
        if unknown and unknown[0].isdecimal() and _may_be_numbered(reading.street):
            score -= STRAY_NUMBER
        if unknown and not (reading.street.kind or reading.misspelt):
            score -= NO_END
        return score - sum(TYPE_LEFT_OVER if word in TYPES else UNKNOWN_WORD for word in unknown)


def _may_be_numbered(street: StreetName) -> bool:
    """Return whether a number after it is part of the name rather than an apartment: County Rd 12, Highway 9."""
    return not street.kind or street.kind in {"HWY", "RTE"} or street.name in {"COUNTY", "STATE", "TOWNSHIP", "US"}


def _most_wrong(written: str, core: str) -> int:
    """Return how many letters of a name may be wrong: 0 if the digits differ or the name is very short."""
    if _DIGITS.findall(written) != _DIGITS.findall(core):
        return 0
    if max(len(written), len(core)) < 3 or sum(c.isalpha() for c in core) < 2:
        return 0
    return _of_length(min(len(written), len(core)))


def _of_length(letters: int) -> int:
    return 0 if letters < 2 else 1 if letters < 5 else 2 if letters < 9 else 3


def _in_words(core: str) -> str:
    """Return 9 as NINTH and 59 as FIFTYNINTH, so that misspelt ordinals are found too."""
    return _ORDINAL_WORDS.get(int(core), "") if core.isdecimal() and len(core) < 3 else ""


_DIGITS = re.compile(r"\d+")
_ORDINAL_WORDS = {number: word for word, number in ORDINALS.items()}


def _type(reading: Reading, name: StreetName) -> float:
    given = reading.street.kind
    if reading.misspelt:
        if not name.kind:
            return TYPE_OF_NONE + UNKNOWN_WORD
        return MISSPELT_TYPE if _misspells(reading.misspelt, name.kind) else OTHER_TYPE
    if given == name.kind:
        return 0.0
    return NO_TYPE if not given else TYPE_OF_NONE if not name.kind else OTHER_TYPE


def _direction(reading: Reading, name: StreetName) -> float:
    given, has = (reading.street.before, reading.street.after), (name.before, name.after)
    if given == has:
        return 0.0
    if not any(given):
        return NO_DIRECTION - (LEANING if reading.leaning and reading.leaning in has else 0.0)
    if not any(has):
        return DIRECTION_OF_NONE
    if sorted(given) == sorted(has):
        # On a grid, as in Utah, E 400 S and S 400 E are two streets that cross.
        return OTHER_DIRECTION if all(given) and name.core.isdecimal() else MOVED_DIRECTION
    contradicts = any(a and b and a != b for a, b in zip(given, has, strict=True))
    return OTHER_DIRECTION if contradicts or not (set(given) & set(has) - {""}) else NO_DIRECTION


@lru_cache(maxsize=4096)
def _misspells(word: str, kind: str) -> bool:
    most = 1 if len(word) < 5 else 2
    return any(OSA.distance(word, form, score_cutoff=most) <= most for form, short in TYPES.items() if short == kind)


def _beginnings(name: StreetName) -> set[str]:
    """Return the forms in which people may begin to type a name: with its direction or without."""
    return {name.key, " ".join(part for part in (name.name, name.kind, name.after) if part)}


def _prefix(words: str) -> str:
    """Return words in the form of `_beginnings`; the last word may be incomplete."""
    found = words_of(words)
    if not found:
        return ""
    *whole, last = found
    name = street_name([*whole, last], typed=False)
    # An incomplete word must not be taken for an abbreviation: `N Park Dr` begins with `N P`.
    return " ".join(part for part in (name.before, name.name, name.after) if part)
