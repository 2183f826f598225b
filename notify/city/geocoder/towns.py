"""Which cities and ZIP codes our own data are of: who writes another one may mean a place that we do not know."""

from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from notify.core.settings import Settings
from zones.addresses.streets import words_of
from zones.addresses.words import DIRECTIONS, IN_CITIES, STATES

WRONG_ZIP = 0.12  # of another part of the city: people mistake those
ELSEWHERE = 0.31  # so much that it is never sure (`finding.SURE`)


@dataclass(frozen=True, slots=True)
class Towns:
    """`words`: those of the names of cities. Both are empty where nothing is known, and then nothing is judged."""

    words: frozenset[str]
    zips: frozenset[str]

    def cost(self, written: Iterable[str], zip_code: str, city: str, own_zip: str) -> float:
        """What it takes from the score of a house that behind its street stands `written`, and this ZIP code.

        `city` and `own_zip` are what is known of the house itself, or empty.
        """
        words, names = _telling(written), _telling(words_of(city)) or self.words
        if words and names and not words & names and not any(_misspells(word, names) for word in words - self.words):
            return ELSEWHERE
        if zip_code and self.zips and zip_code not in self.zips:
            return ELSEWHERE
        return WRONG_ZIP if zip_code and own_zip and zip_code != own_zip else 0.0


def towns(cities: Iterable[str], zips: Iterable[str], settings: Settings) -> Towns:
    """`cities` and `zips` as the data name them. The city's own name counts once it has been set."""
    named = [*cities, settings.city] if "city" in settings.model_fields_set else cities
    return Towns(frozenset().union(*(_telling(words_of(city)) for city in named)), frozenset(zips) - {""})


def _telling(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in words if word.isalpha() and len(word) > 1) - IN_CITIES - STATES - set(DIRECTIONS)


def _misspells(word: str, names: Iterable[str]) -> bool:
    most = 1 if len(word) < 8 else 2
    return process.extractOne(word, names, scorer=OSA.distance, score_cutoff=most) is not None
