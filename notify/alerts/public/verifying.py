"""Find the alert that a message comes from, and say whether the city sent these words.

The code of a message is the number in its link. People paste the number, the link or the whole message, as their phone
gives it: with other blanks, quotes or letters of another case.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.content.compose import UNSUBSCRIBE_URL
from notify.core.settings import settings
from notify.core.urls import find_urls
from notify.models import Alert, StoredContent

LONGEST = 20_000  # characters of a message that are read
# What a phone or mail program adds around a message that is copied: the sender, the time, a subject. More could be a
# second, false message around the true one.
AROUND, AROUND_LETTER = 80, 400  # letters and digits; a letter ends in a link of its own for each recipient
_NUMBER = re.compile(r"#?\s*([1-9][0-9\s]{0,24})\.?")


class Verdict(StrEnum):
    """`SENT`: the city launched this alert, and no words were given to compare. `SAME`: its exact words. `OTHER`: its
    code with other words. `UNKNOWN`: the city sent nothing with this code, or there is none."""

    SENT = "sent"
    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sent:
    """What the city sent. `words`: by channel and language."""

    alert_id: int
    status: str
    launched_at: datetime
    words: Mapping[tuple[str, str], StoredContent]


def code_of(given: str) -> int | None:
    """Return the code in what somebody typed or pasted; None if there is none of ours.

    A link to another server has no code of the city, whatever its path is.
    """
    text = unicodedata.normalize("NFKC", given[:LONGEST]).strip().strip("\"'()[]<>«»“”").strip()
    if alone := _NUMBER.fullmatch(text):
        digits = re.sub(r"\s", "", alone[1])
        return int(digits) if len(digits) <= 18 else None
    site = re.escape(settings().public_url.partition("://")[2])
    found = re.search(rf"(?<![\w.@-]){site}/(?:alerts|verify)/([1-9][0-9]{{0,17}})(?![0-9])", text, re.IGNORECASE)
    return int(found[1]) if found else None


def is_message(given: str) -> bool:
    """Whether there are words to compare, besides a code or a link."""
    words = given
    for _, url in find_urls(given):
        words = words.replace(url, " ")
    return len(re.findall(r"[^\W\d_]{2,}", words)) >= 4


def find(s: Session, alert_id: int) -> Sent | None:
    """Return a launched alert with its words; None if the city has launched none with this code."""
    alert = s.execute(
        select(Alert.id, Alert.status, Alert.launched_at).where(Alert.id == alert_id, Alert.launched_at.is_not(None))
    ).first()
    if alert is None or alert.launched_at is None:
        return None
    found = s.scalars(select(StoredContent).where(StoredContent.alert_id == alert_id))
    return Sent(alert.id, alert.status, alert.launched_at, {(one.channel, one.language): one for one in found})


def compare(sent: Sent, message: str) -> Verdict:
    """Say whether a pasted message has the words that were sent on some channel, whole, in any language."""
    given = _plain(message)
    for one in sent.words.values():
        words, personal, _ = one.text.partition(UNSUBSCRIBE_URL)
        told, around = _plain(words), AROUND_LETTER if personal else AROUND
        if told and told in given and len(given) - len(told) <= around:
            return Verdict.SAME
    return Verdict.OTHER


def _plain(text: str) -> str:
    """Return the letters and digits of a text, without blanks, marks and links' ends, which programs change."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if one.isalnum())
