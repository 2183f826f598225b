"""Collect what `event.toml` says to operators, for translation: Babel calls `extract` (pyproject.toml)."""

import tomllib
from collections.abc import Iterator
from typing import Any, BinaryIO

from notify.content.blanks import TRANSLATED


def extract(
    fileobj: BinaryIO, keywords: object, comment_tags: object, options: object
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield the labels of the event and of its blanks, what its alerts are called, help, choices, and the examples of
    free words."""
    for text in _texts(tomllib.load(fileobj)):
        yield 0, "gettext", text, []


def _texts(declared: dict[str, Any]) -> Iterator[str]:
    yield declared["label"]
    for names in declared.get("called", {}).values():
        yield from names.values()
    for blank in declared.get("blanks", {}).values():
        yield blank["label"]
        if "help" in blank:
            yield blank["help"]
        if blank["type"] in TRANSLATED:
            yield blank["example"]
        yield from blank.get("choices", {}).values()
