"""The words of a question, with their spelling mended. Pure: no database (docs/adr/0057)."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from rapidfuzz.distance import OSA

from notify.core.characters import visible, without_marks

CONFIGS = {"en": "english", "es": "spanish"}  # PostgreSQL's text search configurations; others search as they are
MOST_WORDS = 30  # of a question that are read
SHORTEST = 4  # letters of a word that is mended: shorter ones are too close to others
STRONG = 0.75  # of the weight of a question's words: an answer that has as many may be sent without being asked about
CLEARLY = 1.15  # times the rank of the next answer
_WORD = re.compile(r"[^\W\d_]+")
_QUESTION = re.compile(
    r"\?|^\s*¿|^\s*(?:when|where|what|which|who|why|how|is|are|do|does|can|may|will"
    r"|cuando|donde|que|cual|quien|por que|como|puedo|hay|a que)\b",
)


class Match(NamedTuple):
    """An answer that has some of a question's words. `share`: of their weight, rare words weighing more; `rank`: how
    well it fits beside others; `in_question`: one of them stands in its question or keywords."""

    number: int
    share: float
    rank: float
    in_question: bool


def folded(said: str) -> str:
    """Return text as it is searched: in small letters without accents, "recolección" as "recoleccion"."""
    return without_marks(visible(said)).lower()


def words_of(said: str, most: int | None = MOST_WORDS) -> list[str]:
    """Return the words of a question, without digits: no number or address is searched for, or kept."""
    return _WORD.findall(folded(re.sub(r"\S*[@\d]\S*", " ", said)))[:most]


def is_question(said: str) -> bool:
    """Return whether words sent to us ask something, in English or Spanish."""
    return _QUESTION.search(folded(said)) is not None


def mended(asked: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the words with the spelling of those that answers have: one letter wrong, missing, added or swapped with
    its neighbour, two in words of eight letters and more. What is near to nothing stays as it is."""
    there = set(known)
    return [one if one in there or len(one) < SHORTEST else _nearest(one, there) for one in asked]


def _nearest(one: str, known: Collection[str]) -> str:
    most = 1 if len(one) < 8 else 2
    best, least = one, most + 1
    for other in sorted(known):
        if len(other) < SHORTEST or abs(len(other) - len(one)) > most:
            continue
        apart = OSA.distance(one, other, score_cutoff=least - 1)
        if apart < least and (one[0] == other[0] or one[:2] == other[1::-1]):
            best, least = other, apart
    return best


def weights(stems: Collection[str], answers_with: Mapping[str, int], answers: int) -> dict[str, float]:
    """Return the weight of each stem of a question: 1 for what no answer has, less for what many have."""
    return {one: 1 - 0.8 * answers_with.get(one, 0) / max(answers, 1) for one in stems}


def strong(matches: Sequence[Match]) -> Match | None:
    """Return the match that is good enough to be sent without being asked about; None if there is none."""
    if not matches:
        return None
    best = matches[0]
    next_rank = matches[1].rank if len(matches) > 1 else 0.0
    is_clear = best.rank > next_rank * CLEARLY
    return best if best.share >= STRONG and best.in_question and is_clear else None
