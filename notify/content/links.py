"""Values inside text: web addresses, and no full stop on the heels of one that needs none."""

import re
from collections.abc import Callable

from notify.core.characters import visible
from notify.core.urls import STARTS, find_urls

# Ends every value that a template prints, until `close_sentences` has looked at it. Not white space, and no value has
# one: control characters are refused.
END_OF_VALUE = "\x03"

# What comes before a template's full stop and makes it one too many: a mark that ends a sentence, or a web address,
# also one without https:// (phila.gov/311).
_ENDED = re.compile(
    rf"(?P<mark>[.!?\u2026][\"'\u201d\u2019\u00bb)\]]*|(?:{STARTS}|\b[\w-]+(?:\.[\w-]+)+/)[^\s{END_OF_VALUE}]*){END_OF_VALUE}\.(?=\s|$)",
    re.IGNORECASE,
)


def replace_urls(text: str, replacement: Callable[[str], str]) -> str:
    """The text with each web address replaced."""
    parts, end = [], 0
    for start, url in find_urls(text):
        parts += [text[end:start], replacement(url)]
        end = start + len(url)
    return "".join([*parts, text[end:]])


def close_sentences(text: str) -> str:
    """A rendered template without `END_OF_VALUE`, nor a full stop after a value that needs none: "Go now!." -> "Go
    now!". After a web address a full stop would become part of it, and the link would lead nowhere."""
    return _ENDED.sub(r"\g<mark>", text).replace(END_OF_VALUE, "")


def fill_in(pattern: str, **values: object) -> str:
    """`pattern.format(**values)` with values of which only what shows is taken, and with one full stop at most."""
    shown = {name: f"{visible(str(value))}{END_OF_VALUE}" for name, value in values.items()}
    return close_sentences(pattern.format(**shown))
