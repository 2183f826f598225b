"""Which words of a text differ from those of another."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

LIKE = 1 / 3  # of the words; texts with less in common are read better one after the other than word by word


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words: in both texts, in the old one only, or in the new one only."""

    kind: Literal["same", "old", "new"]
    words: str


def compare(old: str, new: str) -> Sequence[Piece]:
    """Return the pieces of both texts in the order of reading, old words before the new ones in their place. A line
    break in the place of a space is no difference."""
    before, after = (re.findall(r"\s+|\S+", text.strip()) for text in (old, new))
    pieces = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, _keys(before), _keys(after), autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(after[j1:j2])))
            continue
        for which, words in (("old", before[i1:i2]), ("new", after[j1:j2])):
            if words:
                pieces.append(Piece(which, "".join(words)))  # type: ignore[arg-type]
    return pieces


def _keys(tokens: Sequence[str]) -> list[str]:
    return [" " if one.isspace() else one for one in tokens]


def differ(pieces: Sequence[Piece]) -> bool:
    """Whether there is more than white space that is not in both."""
    return any(one.kind != "same" and one.words.strip() for one in pieces)


def unlike(pieces: Sequence[Piece]) -> bool:
    """Whether there are two texts that share less than a third of their words."""
    count = {kind: sum(len(one.words.split()) for one in pieces if one.kind == kind) for kind in ("same", "old", "new")}
    shared = 2 * count["same"]
    return bool(count["old"] and count["new"]) and shared < LIKE * (shared + count["old"] + count["new"])


def sides(pieces: Sequence[Piece]) -> tuple[Sequence[Piece], Sequence[Piece]]:
    """Return the pieces of the old text and those of the new one."""
    return [one for one in pieces if one.kind != "new"], [one for one in pieces if one.kind != "old"]
