"""A score for sentences that no phrase rule knows: words become kinds of word, and signs among the kinds are weighed.

"pls stop blasting my cell" is `glue act reach det mine`. A sign is a phrase rule over kinds (`act {bridge}... mine`)
with a weight; the score is the sum of the weights of the signs that are found. So it can be said why a sentence was
read as it was: `signs_in` names them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from notify.subscribers.phrases import Phrases, plain

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sign:
    rule: str
    weight: float
    most: int  # how often it counts
    pattern: Phrases

    def weighed(self, kinds: str) -> float:
        return self.weight * min(self.most, self.pattern.count_in(kinds))


class Score:
    """`written` holds `kinds` (the words of each kind; the first kind that names a word counts, and `unsub*` is a word
    that begins so), `sets` of kinds for the rules, `signs` (`rule`, `weight`, and `most`, how often it counts), the
    score that is `enough`, and perhaps a lower one that is a `hint`. Raises KeyError for a rule with an unknown set.
    """

    def __init__(self, written: Mapping[str, Any]) -> None:
        self.enough: float = written["enough"]
        self.hint: float = written.get("hint", self.enough)
        self.signs = [
            Sign(sign["rule"], sign["weight"], sign.get("most", 1), Phrases(sign["rule"], written["sets"]))
            for sign in written["signs"]
        ]
        self._kinds: dict[str, str] = {}
        self._stems: dict[str, str] = {}
        for kind, words in written["kinds"].items():
            for word in words.split():
                known = self._stems if word.endswith("*") else self._kinds
                known.setdefault(plain(word), kind)
        self._lengths = sorted({len(stem) for stem in self._stems}, reverse=True)

    def of(self, words: str) -> float:
        """The score of `plain` words."""
        return sum(weight for _, weight in self.signs_in(words))

    def signs_in(self, words: str) -> Iterator[tuple[str, float]]:
        """(rule, weight) of each sign in `plain` words."""
        kinds = " ".join(self._kind(word) for word in words.split())
        for sign in self.signs:
            if weight := sign.weighed(kinds):
                yield sign.rule, weight

    def _kind(self, word: str) -> str:
        if kind := self._kinds.get(word):
            return kind
        stems = (self._stems.get(word[:length]) for length in self._lengths if length <= len(word))
        return next((kind for kind in stems if kind), UNKNOWN)
