"""Render the messages that residents read from an event, a phase and the operator's blanks.

Pure: no database, no settings, no clock. The words are in `templates/messages`. The text of a blank is always a value,
never a template.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from jinja2 import UndefinedError

from notify.channels.channel import CHANNELS, Channel
from notify.content import filling, post_length
from notify.content.blanks import Blank, is_clean, read_duration
from notify.content.catalogue import catalogue, load
from notify.content.events import Catalogue, Defaults, Event, Lane, lane
from notify.content.filling import Filled, examples, fill
from notify.content.layout import Block, blocks_of
from notify.content.links import close_sentences
from notify.content.phrases import Moment, phone_number
from notify.core.characters import visible
from notify.core.city_time import on_clock
from notify.core.errors import Invalid
from notify.core.translation import gettext as _

__all__ = [
    "UNSUBSCRIBE_URL",
    "Blank",
    "Catalogue",
    "Context",
    "Defaults",
    "Event",
    "Filled",
    "Rendered",
    "catalogue",
    "examples",
    "fill",
    "lane",
    "load",
    "readable",
    "render",
]

# Stands in every email where the provider puts the unsubscribe address of each recipient.
UNSUBSCRIBE_URL = "-unsubscribe_url-"
NETWORKS = ("mastodon",)  # the networks whose limits apply to posts when none is named

# No message is sent without these.
_NEEDED = {"city": "who sends it (city)", "area": "where it is (area)", "help_contact": "whom to ask (help_contact)"}

# The same words for everybody, or words by language.
Words = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Context:
    """The values that a message has besides its blanks. Times are aware."""

    city: Words
    area: Words  # where, in words that follow "in": "Riverside", "Riverside and Old Town"
    expires_at: datetime
    timezone: ZoneInfo
    link: str  # to this alert's page; left out when empty
    program: Words  # what residents signed up for; left out when empty
    help_contact: Words  # "311": a number, an address, or a short sentence
    status: Literal["Actual", "Exercise", "Test"] = "Actual"
    corrects: bool = False  # it says first that it corrects the message before it
    lane: Lane | None = None  # None: the lane of the event's defaults
    networks: Sequence[str] = NETWORKS  # providers whose limits apply to posts
    now: datetime | None = None  # times within a week of it are written as a weekday; None: always with the date

    def __post_init__(self) -> None:
        if self.expires_at.tzinfo is None or (self.now is not None and self.now.tzinfo is None):
            raise ValueError("times of a context must be aware")


@dataclass(frozen=True, slots=True)
class Rendered:
    """The message of one channel in one language. `cost` is in the unit of the channel (`Channel.unit`).

    `stale`: a translation that is older than its original."""

    channel: str
    language: str
    subject: str  # of a letter, else ""
    text: str
    html: str  # of a letter, else ""
    cost: int
    stale: bool = False


def render(
    event: Event,
    phase: str,
    filled: Filled,
    *,
    channels: Sequence[str],
    languages: Sequence[str],
    context: Context,
) -> tuple[Rendered, ...]:
    """Return the message for every channel and language asked for, in that order.

    Raises Invalid with every reason why one cannot be written.
    """
    if (filled.event, filled.phase) != (event.name, phase):
        raise Invalid(f"These blanks were filled for {filled.event} {filled.phase}, not {event.name} {phase}.")
    _require_words(event, phase, channels, languages, context)
    rendered: list[Rendered] = []
    for language in languages:
        writer = _Writer(event, phase, language, context, _spoken(event, phase, filled, context, language))
        rendered.extend(writer.write(CHANNELS[channel]) for channel in channels)
    if too_long := [reason for one in rendered for reason in _too_long(one, context.networks)]:
        raise Invalid(_("The message is too long."), hint=_("Use shorter words."), details=too_long)
    return tuple(sorted(rendered, key=lambda one: channels.index(one.channel)))


def _require_words(
    event: Event, phase: str, channels: Sequence[str], languages: Sequence[str], context: Context
) -> None:
    wrong = [f"{event.label} has no words for {name}." for name in channels if name not in event.channels(phase)]
    wrong += [f"{event.label} is not written in '{name}'." for name in languages if name not in event.languages]
    for name in ("city", "area", "link", "program", "help_contact"):
        for language in languages:
            words = in_language(language, getattr(context, name))
            if not words and name in _NEEDED:
                wrong.append(f"The message does not say {_NEEDED[name]}.")
            if not is_clean(words):
                wrong.append(f"'{name}' has a line break or another character that does not show.")
    if wrong:
        raise Invalid(_("The message cannot be written."), details=tuple(dict.fromkeys(wrong)))


def _spoken(event: Event, phase: str, filled: Filled, context: Context, language: str) -> dict[str, Any]:
    """Return the values of all blanks and implicit names for templates of this language; None: not given."""
    values: dict[str, Any] = {
        name: in_language(language, getattr(context, name)) for name in ("city", "area", "link", "program")
    }
    values["help_contact"] = in_language(language, context.help_contact).rstrip(".")
    speech = event.common[language].speech
    values["expires"] = Moment(speech, context.expires_at.astimezone(context.timezone), context.now)
    for blank in event.blanks(phase):
        given = filled.values.get(f"{blank.name}.{language}", filled.values.get(blank.name))
        values[blank.name] = None if given is None else _say(event, blank, given, context, language)
    return values


def _say(event: Event, blank: Blank, given: str, context: Context, language: str) -> Any:
    speech = event.common[language].speech
    match blank.type:
        case "datetime":
            try:
                at = on_clock(datetime.fromisoformat(given), context.timezone)
            except ValueError as error:
                raise Invalid(filling.unusable(filling.called(blank), given, error)) from error
            return Moment(speech, at, context.now)
        case "date":
            return speech.day_name(date.fromisoformat(given))
        case "duration":
            return speech.duration(read_duration(given))
        case "number":
            return speech.number(int(given))
        case "phone":
            return phone_number(given)
        case "choice":
            return event.choices[language][blank.name][given]
        case "line":
            return given.rstrip(".")  # the sentence around it has its own full stop
        case "text" | "url":
            return given


class _Writer:
    """Writes one event, phase and language for any channel."""

    def __init__(self, event: Event, phase: str, language: str, context: Context, values: Mapping[str, Any]) -> None:
        self.event = event
        self.phase = phase
        self.language = language
        self.values = values
        self.common = event.common[language]
        self.corrects = context.corrects
        self.exercise = context.status != "Actual"
        self.routine = (context.lane or event.defaults(phase).lane) == "routine"

    def write(self, channel: Channel) -> Rendered:
        if channel.letter:
            return self._letter(channel)
        text = self._corrected(self._one_line(channel, "text"))
        if self.exercise:
            text = f"{self.common.exercise} {self.common.practice} {text}"
        if channel.leaves_by == "reply" and self.routine:
            text = f"{text} {self.common.stop}"
        text = channel.written(text)
        return Rendered(channel.name, self.language, "", text, "", channel.cost(text))

    def _letter(self, channel: Channel) -> Rendered:
        subject = self._corrected(self._one_line(channel, "subject"))
        blocks = blocks_of(self._words(channel, "text"))
        if self.corrects:
            blocks.insert(0, Block("notice", (f"{self.common.correction} {self.common.replaces}",)))
        if self.exercise:
            subject = f"{self.common.exercise} {subject}"
            blocks.insert(0, Block("notice", (f"{self.common.exercise} {self.common.practice}",)))
        given = {
            "common": self.common,
            "language": self.language,
            "subject": subject,
            "blocks": blocks,
            "expires": None if self.phase == "all-clear" or self._says_when(blocks) else self.values["expires"],
            **{name: self.values[name] for name in ("link", "program", "help_contact")},
        }
        text = re.sub(r"\n{3,}", "\n\n", self.event.layouts["email.txt"].render(given)).strip() + "\n"
        html = self.event.layouts["email.html"].render(given)
        return Rendered(channel.name, self.language, subject, text, html, channel.cost(text))

    def _corrected(self, words: str) -> str:
        """Words that open with the correction, unless it is in them already, as in the update of a collection."""
        said = self.common.correction
        named = said.rstrip(":").lower() in words.lower()
        return words if named or not self.corrects else f"{said} {words}"

    def _says_when(self, blocks: Sequence[Block]) -> bool:
        return any(self.values["expires"].full in line for block in blocks for line in block.lines)

    def _words(self, channel: Channel, part: str) -> str:
        template = self.event.template(self.phase, channel.name, self.language, part)
        try:
            return close_sentences(template.render(self.values))
        except UndefinedError as error:  # words that the city wrote for an earlier version of this event
            raise Invalid(
                _(
                    "The city's words for %(name)s in '%(language)s' cannot be used: %(error)s.",
                    name=channel.name,
                    language=self.language,
                    error=error,
                ),
                hint=_("Write them again on the console's page Words."),
            ) from error

    def _one_line(self, channel: Channel, part: str) -> str:
        return " ".join(self._words(channel, part).split())


def _too_long(one: Rendered, networks: Sequence[str]) -> list[str]:
    channel, size = CHANNELS[one.channel], len(one.text)
    if channel.longest is not None and size > channel.longest:
        return [f"The {one.channel} message in '{one.language}' has {size} characters; the most is {channel.longest}."]
    if channel.address.timeline:
        faults = {network: post_length.exceeded(network, one.text) for network in networks}
        return [f"The post in '{one.language}' {fault} on {name}." for name, fault in faults.items() if fault]
    return []


def in_language(language: str, words: Words) -> str:
    """Return the visible text in this language, or else in the first language that there is."""
    return visible(words if isinstance(words, str) else words.get(language) or next(iter(words.values()), ""))


def readable(text: str, language: str) -> str:
    """Return the text of a message as it is shown to somebody who is none of its readers."""
    common = catalogue().events[0].common
    return text.replace(UNSUBSCRIBE_URL, (common.get(language) or common["en"]).own_link).strip()
