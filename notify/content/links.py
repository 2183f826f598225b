"""Web addresses inside text: where one ends, and no full stop on its heels."""

import re
from collections.abc import Callable

from notify.core.characters import visible

# Ends every value that a template prints, until `close_sentences` has looked at it. Not white space, and no value has
# one: control characters are refused.
END_OF_VALUE = "\x03"

_STARTS = r"(?:https?://|www\.)"
_BEGUN = re.compile(rf"\b{_STARTS}\w[^\s<>\"\u00ab\u00bb\u201c\u201d{END_OF_VALUE}]*", re.IGNORECASE)
_NEVER_LAST = frozenset(".,;:!?'`\u2018\u2019\u2026*~|&=$%@[]{}(")
# What comes before a template's full stop and makes it one too many: a mark that ends a sentence, or a web address,
# also one without https:// (phila.gov/311).
_ENDED = re.compile(
    rf"(?P<mark>[.!?\u2026][\"'\u201d\u2019\u00bb)\]]*|(?:{_STARTS}|\b[\w-]+(?:\.[\w-]+)+/)[^\s{END_OF_VALUE}]*){END_OF_VALUE}\.(?=\s|$)",
    re.IGNORECASE,
)


def replace_urls(text: str, replacement: Callable[[str], str]) -> str:
    """The text with each web address replaced.

    An address ends before punctuation, and before a bracket that it did not open: so phones, mail programs and social
    networks find it (twitter-text, `valid_url_path_ending_chars`; Mastodon, `config/initializers/twitter_regex.rb`).
    """

    def replaced(found: re.Match[str]) -> str:
        url = _without_tail(found[0])
        return replacement(url) + found[0][len(url) :]

    return _BEGUN.sub(replaced, text)


def close_sentences(text: str) -> str:
    """A rendered template without `END_OF_VALUE`, nor a full stop after a value that needs none: "Go now!." -> "Go
    now!". After a web address a full stop would become part of it, and the link would lead nowhere."""
    return _ENDED.sub(r"\g<mark>", text).replace(END_OF_VALUE, "")


def fill_in(pattern: str, **values: object) -> str:
    """`pattern.format(**values)` with values of which only what shows is taken, and with one full stop at most."""
    shown = {name: f"{visible(str(value))}{END_OF_VALUE}" for name, value in values.items()}
    return close_sentences(pattern.format(**shown))


def _without_tail(url: str) -> str:
    unopened = url.count(")") - url.count("(")
    while url[-1] in _NEVER_LAST or (url[-1] == ")" and unopened > 0):
        unopened -= url[-1] == ")"
        unopened += url[-1] == "("
        url = url[:-1]
    return url
