"""The difference between two texts, in words."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

_PIECE = re.compile(r"\{[{%].*?[%}]\}|\w+|\s+|[^\w\s]", re.DOTALL)  # a blank is one word
MOST = 4000  # pieces of a text; the comparison takes quadratic time


class Piece(NamedTuple):
    kind: Literal["same", "removed", "added"]
    text: str


def difference(before: str, after: str) -> list[Piece]:
    """Return the pieces of both texts in order: what is in both, what is only in the one before or after."""
    old, new = _PIECE.findall(before)[:MOST], _PIECE.findall(after)[:MOST]
    return [piece for piece in _pieces(old, new) if piece.text]


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    matcher = SequenceMatcher(lambda piece: piece.isspace(), old, new, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(new[k:m]))
        else:
            yield Piece("removed", "".join(old[i:j]))
            yield Piece("added", "".join(new[k:m]))
