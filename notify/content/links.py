"""Values inside a text: replace web addresses, and drop a full stop after a value that must not have one."""

import re
from collections.abc import Callable

from notify.core.characters import visible
from notify.core.urls import STARTS, find_urls

# Marks the end of every value that a template prints, until `close_sentences` removes it. It is not white space, and
# no value contains it because control characters are refused.
END_OF_VALUE = "\x03"

# The end of a value that makes the template's full stop superfluous: a mark that ends a sentence, or a web address,
# with or without https:// (phila.gov/311).
_ENDED = re.compile(
    rf"(?P<mark>[.!?\u2026][\"'\u201d\u2019\u00bb)\]]*|(?:{STARTS}|\b[\w-]+(?:\.[\w-]+)+/)[^\s{END_OF_VALUE}]*){END_OF_VALUE}\.(?=\s|$)",
    re.IGNORECASE,
)


def replace_urls(text: str, replacement: Callable[[str], str]) -> str:
    """Return the text with each web address replaced."""
    parts, end = [], 0
    for start, url in find_urls(text):
        parts += [text[end:start], replacement(url)]
        end = start + len(url)
    return "".join([*parts, text[end:]])


def close_sentences(text: str) -> str:
    """Remove `END_OF_VALUE` from a rendered template, and the full stop after a value that must not have one: "Go
    now!." becomes "Go now!". A full stop after a web address would become part of the link and break it."""
    return _ENDED.sub(r"\g<mark>", text).replace(END_OF_VALUE, "")


def fill_in(pattern: str, **values: object) -> str:
    """Return `pattern.format(**values)` without invisible characters in the values and without doubled full stops."""
    shown = {name: f"{visible(str(value))}{END_OF_VALUE}" for name, value in values.items()}
    return close_sentences(pattern.format(**shown))
