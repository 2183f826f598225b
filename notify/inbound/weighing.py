"""A linear model for texts that no rule decides: words, their pairs and the kinds of neighbouring words are weighed.

`weights.toml` holds the weights, so it can be read and said why a text was understood as it was. They are learned from
labelled phrases by `tests/learning.py`; nothing is learned while the service runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from notify.inbound.phrases import normalized

MOST_WORDS = 80
BIAS = "*"
UNKNOWN = "?"
_DENIALS = frozenset(["dont", "not", "never", "didnt", "no", "nunca"])


class Kinds:
    """The kinds of words in one section of `kinds.toml`."""

    def __init__(self, written: Mapping[str, str]) -> None:
        self._kinds: dict[str, str] = {}
        self._stems: dict[str, str] = {}
        for kind, words in written.items():
            for word in words.split():
                known = self._stems if word.endswith("*") else self._kinds
                known.setdefault(normalized(word), kind)
        self._lengths = sorted({len(stem) for stem in self._stems}, reverse=True)

    def of(self, word: str) -> str:
        if kind := self._kinds.get(word):
            return kind
        stems = (self._stems.get(word[:length]) for length in self._lengths if length <= len(word))
        return next((kind for kind in stems if kind), UNKNOWN)


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights for one meaning: a text with a sum of `enough` has it, one with a sum of `hint` may have it."""

    kinds: Kinds
    enough: float
    hint: float
    weights: Mapping[str, float]
    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", frozenset(word for sign in self.weights for word in sign.split()))

    @classmethod
    def read(cls, written: Mapping[str, Any], kinds: Kinds) -> "Weights":
        """Read a section of `weights.toml`: `enough`, `hint`, and under `weights` the signs that have each weight."""
        weights = {
            sign.strip(): float(weight) for weight, signs in written["weights"].items() for sign in signs.split("|")
        }
        return cls(kinds, written["enough"], written["hint"], weights)

    def of(self, words: str) -> float:
        """Return the sum of the weights of `normalized` words."""
        total = sum(self.weights.get(sign, 0.0) for sign in signs(words, self.known, self.kinds))
        return round(total, 1)  # the order of a set varies, and with it the last bit of a sum

    def has_any(self, kinds: frozenset[str], words: str) -> bool:
        """Return whether any word is of one of these kinds."""
        return any(self.kinds.of(word) in kinds for word in words.split()[:MOST_WORDS])

    def denies_strange(self, words: str) -> bool:
        """Return whether an unknown word follows a negation: "do not xstop"."""
        return any(
            one in _DENIALS and other not in self.known and self.kinds.of(other) == UNKNOWN
            for one, other in pairwise(words.split()[:MOST_WORDS])
        )

    def signs_in(self, words: str) -> Iterator[tuple[str, float]]:
        """Return (sign, weight) of each sign in `normalized` words, the heaviest first."""
        found = [(sign, self.weights[sign]) for sign in signs(words, self.known, self.kinds) if sign in self.weights]
        yield from sorted(found, key=lambda one: (-abs(one[1]), one[0]))


def signs(words: str, known: frozenset[str], kinds: Kinds) -> set[str]:
    """Return the words, pairs of neighbours (`stop me`) and pairs of their kinds (`<act> <me>`). `?` is any unknown
    word, `^` the beginning and `$` the end; `*` is in every text."""
    said = words.split()[:MOST_WORDS]
    plainly = [word if word in known else UNKNOWN for word in said]
    named = [f"<{kinds.of(word)}>" for word in said]
    pairs = (f"{one} {other}" for row in (plainly, named) for one, other in zip(["^", *row], [*row, "$"], strict=True))
    return {BIAS, *plainly, *pairs}
