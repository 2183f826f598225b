"""The words of a digest: the messages of several alerts to one person, in one message that names each of them briefly.

Pure: no database, no settings, no clock. What all digests share is in `templates/messages/<language>.toml`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from notify.channels.channel import CHANNELS, Channel
from notify.content.catalogue import catalogue
from notify.content.compose import Words as City
from notify.content.compose import in_language
from notify.content.events import Common
from notify.content.layout import Block

SEGMENTS = 4  # of a text message: as many as the throttle counts for a digest
MOST = 20  # alerts in one message
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


class Brief(NamedTuple):
    """What an alert says on a channel, and the address of its page."""

    subject: str
    text: str
    link: str


class Words(NamedTuple):
    """The message. `subject` and `html`: of a letter, else ""."""

    subject: str
    text: str
    html: str


class About(NamedTuple):
    """What the message says besides: who sends it, what its readers signed up for, and whom to ask."""

    city: City
    program: City
    help_contact: City


def most_units(channel: str) -> int:
    """Return what a digest costs at most, in the unit of its channel."""
    return SEGMENTS if CHANNELS[channel].segmented else 1


def write(channel: str, language: str, briefs: Sequence[Brief], about: About, most: int) -> tuple[Words, int] | None:
    """Return one message about as many of these alerts as it has room for, in their order, and how many they are.
    None: it has no room for two, so that each goes alone.

    `most`: what it may cost.
    """
    of_all = catalogue().events[0].common
    common = of_all.get(language) or of_all["en"]
    written = _letter if CHANNELS[channel].letter else _text
    for count in range(min(len(briefs), MOST), 1, -1):
        words = written(CHANNELS[channel], language, briefs[:count], about, common)
        if CHANNELS[channel].cost(words.text) <= most:
            return words, count
    return None


def _text(channel: Channel, language: str, briefs: Sequence[Brief], about: About, common: Common) -> Words:
    city, stop = channel.written(in_language(language, about.city)), channel.written(common.stop)
    lines = [_title(city, len(briefs), common)]
    for place, one in enumerate(briefs, 1):
        lines.append(f"{place}. {first_sentence(one.text, city, stop)} {one.link.partition('://')[2]}")
    if channel.leaves_by == "reply":
        lines.append(stop)
    return Words("", channel.written("\n".join(lines)), "")


def first_sentence(text: str, city: str, stop: str = "") -> str:
    """Return the sentence of an alert that stands in a digest by text message."""
    return _SENTENCE.split(text.removesuffix(stop).strip().removeprefix(f"{city}: "))[0]


def _letter(_: Channel, language: str, briefs: Sequence[Brief], about: About, common: Common) -> Words:
    subject = _title(in_language(language, about.city), len(briefs), common)
    given = {
        "common": common,
        "language": language,
        "subject": subject,
        "blocks": [Block("list", tuple(f"{one.subject}: {one.link}" for one in briefs))],
        "expires": None,
        "link": "",
        "program": in_language(language, about.program),
        "help_contact": in_language(language, about.help_contact).rstrip("."),
    }
    layouts = catalogue().events[0].layouts
    text = re.sub(r"\n{3,}", "\n\n", layouts["email.txt"].render(given)).strip() + "\n"
    return Words(subject, text, layouts["email.html"].render(given))


def _title(city: str, number: int, common: Common) -> str:
    return common.together.format(city=city, n=number)
