"""Rules about the form of a message: its length, characters, links and phone numbers. They hold in any language."""

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import urlsplit

from notify.channels import sms_segments
from notify.content import post_length
from notify.content.lexicon import Lexicon
from notify.content.lint_finding import ERROR, IN_ROUTINE, WARNING, About, Hit, Message
from notify.core import phones
from notify.core.characters import ascii_punctuation, without_acutes, without_marks
from notify.core.translation import gettext as _
from notify.core.translation import ngettext
from notify.core.urls import find_urls

RULES = {
    "too-long": ERROR,
    "segments": WARNING,
    "unicode-character": WARNING,
    "unicode-picture": WARNING,
    "short-link": ERROR,
    "hidden-link": ERROR,
    "other-site": WARNING,
    "bad-phone": IN_ROUTINE,  # a number may be newer than what we know of numbers
}

# Segments of a text. A language whose letters GSM-7 lacks, as Spanish does not (docs/adr/0062), may have twice as many,
# because they hold less than half as much.
ROUTINE_MOST, EMERGENCY_MOST = 2, 3
SHORTENERS = frozenset(
    ("bit.ly", "tinyurl.com", "goo.gl", "t.co", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "rb.gy", "cutt.ly", "bl.ink",
     "shorturl.at", "tiny.cc", "lnkd.in", "t.ly", "v.gd", "s.id", "qr.ae", "adf.ly", "soo.gd", "shorte.st", "mcaf.ee",
     "fb.me", "youtu.be", "amzn.to", "wp.me")
)  # fmt: skip
_BARE = re.compile(r"(?<![\w@./-])(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,12}(?=/)", re.IGNORECASE)
_GOVERNMENT = re.compile(r"(?:^|\.)(?:gov|mil|fed\.us|(?:state|(?:ci|co)\.[a-z-]+)\.[a-z]{2}\.us)$")
# Ten digits as people write a phone number, with separators or brackets: dates, amounts and ZIP codes have others.
_PHONE = re.compile(
    r"(?<![\w.\-/+])(?:\+?1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[.-])[0-9]{3}[.-][0-9]{4}(?![\w-]|[./][0-9])"
)


def check(message: Message, about: About, words: Lexicon | None) -> Iterator[Hit]:
    yield from _length(message, about, words)
    if message.traits.segmented:
        yield from _characters(message, words)
    yield from _links(message, about)
    for number in _PHONE.finditer(message.whole):
        if not _is_phone(number[0]):
            yield Hit("bad-phone", message, number[0])


def _length(message: Message, about: About, words: Lexicon | None) -> Iterator[Hit]:
    longest, size = message.traits.longest, len(message.text)
    if longest is not None and size > longest:
        yield Hit("too-long", message, f"has {size} characters; the most is {longest}")
    elif message.traits.address.timeline:
        for network in about.networks:
            if fault := post_length.exceeded(network, message.text):
                yield Hit("too-long", message, f"{fault} on {network}")
    elif message.traits.segmented:
        yield from _segments(message, about, words)


def _segments(message: Message, about: About, words: Lexicon | None) -> Iterator[Hit]:
    found = sms_segments.count(sms_segments.plain(message.text))
    most = EMERGENCY_MOST if about.emergency else ROUTINE_MOST
    if _needs_ucs2(message, words):
        most *= 2
    if found.segments > most:
        fits = sms_segments.capacity(found.encoding, most)
        given = {
            "segments": ngettext("%(n)s segment", "%(n)s segments", found.segments),
            "example": _("at most %(most)s characters; it has %(size)s", most=fits, size=found.units),
        }
        yield Hit("segments", message, str(found.segments), given)


def _needs_ucs2(message: Message, words: Lexicon | None) -> bool:
    """Return whether the text has letters outside of GSM-7 that its language cannot be written without."""
    ordinary = set(words.letters) if words else {char for char in message.text if char.isalpha()}
    return any(char in ordinary and sms_segments.encoding_of(char) == "UCS-2" for char in message.text)


def _characters(message: Message, words: Lexicon | None) -> Iterator[Hit]:
    """Characters that make a text UCS-2, except those that its language cannot be written without."""
    if _needs_ucs2(message, words):
        return  # it is UCS-2 for good reason, and another such character costs no more
    for char in dict.fromkeys(without_acutes(message.text)):  # accents leave by themselves when the others have
        if sms_segments.encoding_of(char) == "UCS-2":
            name = unicodedata.name(char, f"U+{ord(char):04X}").lower()
            plain = _plain(char)
            rule = "unicode-character" if plain else "unicode-picture"
            yield Hit(rule, message, char, {"name": name, "example": plain})


def _plain(char: str) -> str:
    """Return characters of GSM-7 that can stand for this one; "" when there are none."""
    for candidate in (ascii_punctuation(char), unicodedata.normalize("NFKC", char), without_marks(char)):
        if candidate.strip() and sms_segments.encoding_of(candidate) == "GSM-7":
            return candidate
    return ""


def _links(message: Message, about: About) -> Iterator[Hit]:
    for url in dict.fromkeys(url for _at, url in find_urls(message.whole)):
        yield from _link(url, message, about)
    for bare in dict.fromkeys(found[0] for found in _BARE.finditer(message.whole)):
        if _is_short(bare.lower()):
            yield Hit("short-link", message, bare)


def _link(url: str, message: Message, about: About) -> Iterator[Hit]:
    try:
        address = urlsplit(url if "://" in url else f"https://{url}")
        host = (address.hostname or "").removesuffix(".")
    except ValueError:  # a bracket of IPv6 that is not closed
        yield Hit("hidden-link", message, url)
        return
    if host in about.hosts:
        return
    if address.username is not None or "xn--" in host or not host.isascii() or _is_number(host):
        yield Hit("hidden-link", message, url)
    elif _is_short(host):
        yield Hit("short-link", message, url)
    elif not _GOVERNMENT.search(host) and not any(host.endswith(f".{own}") for own in about.hosts):
        yield Hit("other-site", message, host)


def _is_short(host: str) -> bool:
    return host.removeprefix("www.") in SHORTENERS


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_phone(written: str) -> bool:
    try:
        phones.valid(written)
    except phones.NotAPhone:
        return False
    return True
