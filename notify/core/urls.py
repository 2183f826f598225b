"""Find the web addresses in a text."""

import re
from collections.abc import Iterator

STARTS = r"(?:https?://|www\.)"
# An address has no control characters: templates mark the end of a value with one.
_BEGUN = re.compile(rf"\b{STARTS}\w[^\s<>\"\u00ab\u00bb\u201c\u201d\x00-\x1f]*", re.IGNORECASE)
_NEVER_LAST = frozenset(".,;:!?'`\u2018\u2019\u2026*~|&=$%@[]{}(")


def find_urls(text: str) -> Iterator[tuple[int, str]]:
    """Yield each web address with the position of its first character.

    An address ends before punctuation and before a bracket that it did not open, as phones, mail programs and social
    networks read it (twitter-text, `valid_url_path_ending_chars`; Mastodon, `config/initializers/twitter_regex.rb`).
    """
    for found in _BEGUN.finditer(text):
        yield found.start(), _without_tail(found[0])


def _without_tail(url: str) -> str:
    unopened = url.count(")") - url.count("(")
    while url[-1] in _NEVER_LAST or (url[-1] == ")" and unopened > 0):
        unopened -= url[-1] == ")"
        unopened += url[-1] == "("
        url = url[:-1]
    return url
