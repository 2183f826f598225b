"""Find the alert that a message comes from, and say whether the city sent these words.

The code of a message is the number in its link. People paste the number, the link or the whole message, as their phone
gives it: with other blanks, quotes or letters of another case.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.audience.wordings import GENERAL
from notify.channels.channel import CHANNELS
from notify.content import together
from notify.content.compose import UNSUBSCRIBE_URL, in_language
from notify.core.settings import settings
from notify.core.urls import find_urls
from notify.models import Alert, Lane, StoredContent

LONGEST = 20_000  # characters of a message that are read
_TIME = r"\d{1,2}:\d\d(?:\s?[ap]\.?\s?m\.?)?"
_HEAD = re.compile(rf"^\s*(?:(?:fwd?|rv|re)\s*:\s*)*(?:{_TIME}\s)?", re.IGNORECASE)
_TAIL = re.compile(rf"\s{_TIME}\s*$", re.IGNORECASE)
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_KEPT = re.compile(r"[^\W_]|(?<=[^\W_])[.,:/@_-]+(?=[^\W_])|[@#%$€£°+&=]|(?<![^\W_])-(?=\d)")
_NUMBER = re.compile(r"(?:[^\W\d_]{1,12}\s*:?\s*)?#?\s*([1-9][0-9\s]{0,24})\.?")  # also "Alert 12" and "code: 12"
_BETWEEN = re.compile(r"[\s<>\"\u00ab\u00bb\u201c\u201d]+")  # addresses have none of these
_BEFORE = re.compile(r"[('\u2018\[{*_]*(?:[^\W\d_]+:(?!//))?(?:https?://)?", re.IGNORECASE)


class Verdict(StrEnum):
    """`SENT`: the city launched this alert, and no words were given to compare. `SAME`: its exact words. `OTHER`: its
    code with other words. `UNKNOWN`: the city sent nothing with this code, or there is none."""

    SENT = "sent"
    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sent:
    """What the city sent. `words`: the general ones, by channel and language. `apart`: those of each other
    wording, which went to who has places in some parts of the area."""

    alert_id: int
    status: str
    lane: Lane
    launched_at: datetime
    expires_at: datetime
    words: Mapping[tuple[str, str], StoredContent]
    apart: tuple[Mapping[tuple[str, str], StoredContent], ...] = ()


def code_of(given: str) -> int | None:
    """Return the code in what somebody typed or pasted; None if there is none of ours.

    A link to another server has no code of the city, whatever its path is.
    """
    text = unicodedata.normalize("NFKC", given[:LONGEST]).strip().strip("\"'()[]<>«»“”").strip()
    if alone := _NUMBER.fullmatch(text):
        digits = re.sub(r"\s", "", alone[1])
        return int(digits) if len(digits) <= 18 else None
    return next(_codes(text), None)


def _codes(text: str) -> Iterator[int]:
    """Find the codes in links of ours, in their order."""
    site = re.escape(settings().public_url.partition("://")[2])
    page = re.compile(rf"{site}/(?:alerts|verify)/([1-9][0-9]{{0,17}})(?![\w@-])", re.IGNORECASE)
    for piece in _BETWEEN.split(text):
        # It begins the address: in the middle of one it would be part of another server's.
        begun = _BEFORE.match(piece)
        if begun and (found := page.match(piece, begun.end())):
            yield int(found[1])


def is_message(given: str) -> bool:
    """Whether there are words to compare, besides a code or a link."""
    words = given
    for _, url in find_urls(given):
        words = words.replace(url, " ")
    return len(re.findall(r"[^\W\d_]{2,}", words)) >= 4


def find(s: Session, alert_id: int) -> Sent | None:
    """Return a launched alert with its words; None if the city has launched none with this code."""
    alert = s.execute(
        select(Alert.id, Alert.status, Alert.lane, Alert.launched_at, Alert.expires_at).where(
            Alert.id == alert_id, Alert.launched_at.is_not(None)
        )
    ).first()
    if alert is None or alert.launched_at is None:
        return None
    by_wording: dict[int, dict[tuple[str, str], StoredContent]] = {GENERAL: {}}
    stored = select(StoredContent).where(StoredContent.alert_id == alert_id).order_by(StoredContent.wording)
    for one in s.scalars(stored):
        by_wording.setdefault(one.wording, {})[one.channel, one.language] = one
    words, *apart = by_wording.values()
    return Sent(alert.id, alert.status, alert.lane, alert.launched_at, alert.expires_at, words, tuple(apart))


def compare(sent: Sent, message: str) -> Verdict:
    """Say whether a pasted message has the words that were sent on some channel, in any language, and no others.

    Only what programs put around a copy is left out: a mark of forwarding and a time. True words with anything else
    are not the city's: what is added may be the fraud.
    """
    return Verdict.OTHER if told_as(sent, message) is None else Verdict.SAME


def told_as(sent: Sent, message: str) -> Mapping[tuple[str, str], StoredContent] | None:
    """Return the words of the wording that a pasted message is in, by channel and language; None: it is in none."""
    given = _given(message)
    for words in (sent.words, *sent.apart):
        if given & ({_words(one.text) for one in words.values()} - {""}):
            return words
    return None


def is_digest(s: Session, message: str) -> bool:
    """Whether a pasted message is the one that names several alerts, in whose words they are sent together.

    Only routine ones that were in force at one time are (`delivery.digests`).
    """
    codes = list(_codes(unicodedata.normalize("NFKC", message[:LONGEST])))
    sent = [find(s, code) for code in codes[: together.MOST]]
    found = [one for one in sent if one is not None and one.status == "Actual" and one.lane is Lane.ROUTINE]
    if not len(set(codes)) == len(codes) == len(found) > 1:
        return False
    if max(one.launched_at for one in found) >= min(one.expires_at for one in found):
        return False
    ours = settings()
    about = together.About(ours.city, ours.program, ours.help_contact)
    told: set[str] = set()
    given = _given(message)
    for channel, language in set.intersection(*(set(one.words) for one in found)):
        each = [(_worded(one, channel, language, given), f"{ours.public_url}/alerts/{one.alert_id}") for one in found]
        briefs = [together.Brief(words.subject or "", words.text, link) for words, link in each]
        written = together.write(channel, language, briefs, about, together.most_units(channel))
        if written is not None and written[1] == len(briefs):
            told.add(_words(written[0].text))
    return bool(given & told)


def _worded(sent: Sent, channel: str, language: str, given: Collection[str]) -> StoredContent:
    """Return the words of the wording that a digest names an alert by: the one of which it holds the most."""
    general = sent.words[channel, language]
    best, most = general, 0
    for words in (sent.words, *sent.apart):
        one = words.get((channel, language), general)
        city = CHANNELS[channel].written(in_language(language, settings().city))
        named = one.subject or together.first_sentence(one.text, city)
        held = _plain(named)
        if len(held) > most and any(held in text for text in given):
            best, most = one, len(held)
    return best


def _given(message: str) -> set[str]:
    return {_words(one) for start in (message, _HEAD.sub("", message)) for one in (start, _TAIL.sub("", start))}


def _words(text: str) -> str:
    """Return the words of a text without the link of each recipient's own at the end of a letter."""
    own = rf"https?://{re.escape(settings().public_url.partition('://')[2])}/u/[\w.~%?=&-]+"
    return _plain(re.sub(own, " ", text.replace(UNSUBSCRIBE_URL, " "), flags=re.IGNORECASE))


def _plain(text: str) -> str:
    """Return the letters and digits of a text, without blanks, quotes and what ends a sentence, which programs change.

    A mark inside of a number or an address stays, and a sign before or after a number: `1.5` is not `15`, nor is
    `water.example.org` the same as `water-example.org`.
    """
    folded = _DASHES.sub("-", unicodedata.normalize("NFKC", text).casefold())
    return "".join(_KEPT.findall(folded))
