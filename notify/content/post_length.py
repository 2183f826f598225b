"""The length limits of posts, counted as each social network counts."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import regex

from notify.content.links import replace_urls

_SHORT_LINK = "x" * 23  # Mastodon and X count any address as this long


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum length of a post, counted by `measure`, in `unit`s."""

    most: int
    measure: Callable[[str], int]
    unit: str = "characters"


def graphemes(text: str) -> int:
    """Count the characters that a reader sees (UAX 29): a flag or a letter with its accents is one."""
    return len(regex.findall(r"\X", text))


def _mastodon(text: str) -> int:
    """A web address counts 23; @name@server counts as @name (Mastodon, `StatusLengthValidator`)."""
    counted = replace_urls(text, lambda url: _SHORT_LINK)
    return graphemes(regex.sub(r"(?<![\w/])(@\w+)@[\w.-]*\w", r"\1", counted))


def _x(text: str) -> int:
    """Count in NFC: a web address 23, an emoji 2, a character of most non-Latin scripts 2 (twitter-text 3,
    `config/v3.json`)."""
    counted = replace_urls(unicodedata.normalize("NFC", text), lambda url: _SHORT_LINK)
    return sum(_x_weight(cluster) for cluster in regex.findall(r"\X", counted))


def _x_weight(cluster: str) -> int:
    if regex.search(r"\p{Emoji_Presentation}|\uFE0F", cluster):
        return 2
    return sum(1 if any(low <= ord(c) <= high for low, high in _X_LIGHT) else 2 for c in cluster)


_X_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))


def _threads(text: str) -> int:
    """An emoji counts as its bytes in UTF-8 (developers.facebook.com/docs/threads/overview)."""
    clusters = regex.findall(r"\X", text)
    return sum(len(c.encode()) if regex.search(r"\p{Emoji_Presentation}|\uFE0F", c) else 1 for c in clusters)


# By the name of a network's provider. A Mastodon server may allow more than the default.
LIMITS: Mapping[str, tuple[Limit, ...]] = {
    "mastodon": (Limit(500, _mastodon),),
    # app.bsky.feed.post: maxGraphemes, maxLength
    "bluesky": (Limit(300, graphemes), Limit(3000, lambda text: len(text.encode()), "bytes")),
    "x": (Limit(280, _x),),
    "threads": (Limit(500, _threads),),
}


def exceeded(network: str, text: str) -> str:
    """Return why the text is too long for the network, "has 512 characters; the most is 500", or "" if it fits."""
    for limit in LIMITS.get(network, ()):
        if (size := limit.measure(text)) > limit.most:
            return f"has {size} {limit.unit}; the most is {limit.most}"
    return ""
