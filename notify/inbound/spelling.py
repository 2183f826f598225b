"""Correct the spelling of texts: expand abbreviations, and mend key words with one letter wrong, missing, added or
swapped with its neighbour."""

from collections.abc import Iterable, Iterator, Mapping

SHORTEST = 6  # letters of a key word: shorter ones are too close to other words (stop, shop, step)


class Spelling:
    """`same`: what an abbreviation stands for. `right`: key words. `others`: words that look like one but are not.
    `turns`: words that turn what follows into its opposite, or into a question."""

    def __init__(
        self, same: Mapping[str, str], right: Iterable[str], others: Iterable[str], turns: Iterable[str]
    ) -> None:
        self._right = frozenset(word for word in right if len(word) >= SHORTEST)
        self._known = self._right | frozenset(others)
        self._same = dict(same)
        self._turns = frozenset(turns)
        self._near: dict[str, list[str]] = {}
        for word in sorted(self._right):
            for shape in {word, *_without_one(word)}:
                self._near.setdefault(shape, []).append(word)

    def mended(self, words: str) -> str:
        """`words` are `normalized`."""
        return " ".join([self._same.get(word) or self._meant(word) for word in words.split()])

    def may_turn(self, words: str) -> bool:
        """Return whether these words may turn what follows into its opposite: an unknown one looks like a word that
        turns ("do nto"), or stands beside a word that turns ("do not wnat to")."""
        said = words.split()
        return self.looks_turned(words) or (bool(self._strange(said)) and not self._turns.isdisjoint(said))

    def looks_turned(self, words: str) -> bool:
        """Return whether an unknown word looks like one that turns. Two letters look like too many words to count."""
        strange = [word for word in self._strange(words.split()) if len(word) > 2]
        return any(_differ_by_one(word, turn) for word in strange for turn in self._turns)

    def _strange(self, said: Iterable[str]) -> list[str]:
        return [word for word in said if word not in self._known and word not in self._same]

    def _meant(self, word: str) -> str:
        if len(word) < SHORTEST - 1 or word in self._known or not word.isascii() or not word.isalpha():
            return word
        for shape in (word, *_without_one(word)):
            for right in self._near.get(shape, ()):
                if right[0] == word[0] and _differ_by_one(word, right):
                    return right
        return word


def _without_one(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(1, len(word)))


def _differ_by_one(one: str, other: str) -> bool:
    """Return whether one letter is wrong, missing, added or swapped with its neighbour."""
    start = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    left, right = one[start:], other[start:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return left[1:] == right or left == right[1:] or left[1:] == right[1:] or swapped
