"""The cities and ZIP codes of our own data. An address with another one may be a place that we do not know."""

from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from notify.core.settings import Settings
from zones.addresses.streets import words_of
from zones.addresses.words import DIRECTIONS, IN_CITIES, STATES

WRONG_ZIP = 0.12  # deducted for the ZIP code of another part of the city: people confuse those
ELSEWHERE = 0.31  # deducted for another city: enough that a match is never certain (`finding.SURE`)


@dataclass(frozen=True, slots=True)
class Towns:
    """`words`: all words of the names of cities. A field that is empty is not checked."""

    words: frozenset[str]
    zips: frozenset[str]

    def cost(self, written: Iterable[str], zip_code: str, city: str, own_zip: str) -> float:
        """Return the deduction from a house's score for the words and the ZIP code written after the street.

        `city` and `own_zip` are those of the house itself, if known, else "".
        """
        words, names = _telling(written), _telling(words_of(city)) or self.words
        if words and names and not words & names and not any(_misspells(word, names) for word in words - self.words):
            return ELSEWHERE
        if zip_code and self.zips and zip_code not in self.zips:
            return ELSEWHERE
        return WRONG_ZIP if zip_code and own_zip and zip_code != own_zip else 0.0


def towns(cities: Iterable[str], zips: Iterable[str], settings: Settings) -> Towns:
    """Collect the `cities` and `zips` of the data. The setting for the city's name counts if it has been set."""
    named = [*cities, settings.city] if "city" in settings.model_fields_set else cities
    return Towns(frozenset().union(*(_telling(words_of(city)) for city in named)), frozenset(zips) - {""})


def _telling(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in words if word.isalpha() and len(word) > 1) - IN_CITIES - STATES - set(DIRECTIONS)


def _misspells(word: str, names: Iterable[str]) -> bool:
    most = 1 if len(word) < 8 else 2
    return process.extractOne(word, names, scorer=OSA.distance, score_cutoff=most) is not None
