"""Count the segments of a text message. Rates and prices are per segment.

In GSM-7 (3GPP TS 23.038, section 6.2.1) a single segment holds 160 units, and each of several holds 153. In UCS-2 it is
70 and 67 UTF-16 units. A character of the GSM-7 extension table takes two units, an escape and a code. No segment may
end between these two, or inside a surrogate pair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from notify.core.characters import without_acutes
from notify.core.urls import find_urls

Encoding = Literal["GSM-7", "UCS-2"]

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_ALONE = {"GSM-7": 160, "UCS-2": 70}
_PART = {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class Segments:
    """The size of a text. `units` are septets for GSM-7 and UTF-16 units for UCS-2."""

    encoding: Encoding
    units: int
    segments: int


def count(text: str) -> Segments:
    """Return the encoding, size and number of segments of a message. An empty text has no segment."""
    encoding = encoding_of(text)
    return Segments(encoding, sum(map(_width(encoding), text)), len(parts(text)))


def plain(words: str) -> str:
    """Return words (NFC) without the accents of Spanish, where these alone make them UCS-2, at twice the segments
    (docs/adr/0062). Web addresses stay as they are: they would lead nowhere. Words that need UCS-2 for another letter
    or sign keep their accents: they would lose them for nothing."""
    if encoding_of(words) == "GSM-7":
        return words
    bare, end = "", 0
    for start, url in find_urls(words):
        bare, end = bare + without_acutes(words[end:start]) + url, start + len(url)
    bare += without_acutes(words[end:])
    return bare if encoding_of(bare) == "GSM-7" else words


def capacity(encoding: Encoding, segments: int) -> int:
    """Return how many units a message of so many segments holds."""
    return _ALONE[encoding] if segments == 1 else segments * _PART[encoding]


def parts(text: str) -> list[str]:
    """Split a text into the parts that a phone puts together again, in order."""
    encoding = encoding_of(text)
    width = _width(encoding)
    if sum(map(width, text)) <= _ALONE[encoding]:
        return [text] if text else []
    pieces: list[str] = []
    start = used = 0
    for at, char in enumerate(text):
        if used + width(char) > _PART[encoding]:
            pieces.append(text[start:at])
            start, used = at, 0
        used += width(char)
    return [*pieces, text[start:]]


def encoding_of(text: str) -> Encoding:
    return "GSM-7" if all(char in _BASIC or char in _EXTENDED for char in text) else "UCS-2"


def _width(encoding: Encoding) -> Callable[[str], int]:
    if encoding == "GSM-7":
        return lambda char: 2 if char in _EXTENDED else 1
    return lambda char: 2 if ord(char) > 0xFFFF else 1
