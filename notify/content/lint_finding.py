"""What the linter reads and returns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from notify.channels.channel import CHANNELS, Channel
from notify.core.characters import ascii_punctuation, visible, without_acutes

Words = str | Mapping[str, str]  # the same for everybody, or by language
Level = Literal["error", "warning"]

# A sentence ends at a mark that is followed by the beginning of another, or with its line. The "a.m." of "8 a.m. del
# lunes" does not end one.
_SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"'\u201d\u2019)]*\s+(?=[\"'\u201c(\u00bf\u00a1]*[A-Z\u00c0-\u00de0-9])|\n+")
LONGEST_QUOTE = 80


@dataclass(frozen=True, slots=True)
class Message:
    """The words of one channel in one language, as residents get them.

    `stale`: a translation that is older than its original."""

    channel: str
    language: str
    subject: str
    text: str
    stale: bool = False

    @property
    def traits(self) -> Channel:
        return CHANNELS[self.channel]

    @property
    def whole(self) -> str:
        """Subject and text."""
        return f"{self.subject}\n{self.text}" if self.subject else self.text

    def named(self, words: Words) -> str:
        """Return a name in the language and letters of the message."""
        name = said_in(self.language, words)
        return name if name in self.whole else self.traits.written(name)

    def sentences(self) -> Iterator[str]:
        for sentence in _SENTENCE.split(self.whole):
            if stripped := sentence.strip(" -*\t\r\u2022"):
                yield stripped


@dataclass(frozen=True, slots=True)
class Typed:
    """What an operator typed in a blank: `words` by language, "" for the languages without words of their own.

    `label` names the blank as its form does."""

    name: str
    label: str
    words: Mapping[str, str]

    def in_text(self, language: str) -> str:
        return self.words.get(language) or self.words.get("", "")

    def field(self, language: str) -> str:
        """Return the field that a text of this language was filled from."""
        return f"{self.name}.{language}" if language in self.words else self.name


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an alert besides its words. An empty value is not known, and is not asked for."""

    emergency: bool
    status: Literal["Actual", "Exercise", "Test"] = "Actual"
    phase: str = "issue"
    city: Words = ""
    area: Words = ""
    program: Words = ""
    help_contact: Words = ""
    hosts: frozenset[str] = frozenset()  # of the city's own pages
    networks: Sequence[str] = ()  # whose limits apply to posts
    blanks: Sequence[Typed] = ()  # that texts were filled from
    from_template: bool = False  # its hazard and action are words of the catalogue, or were given as such
    fixed: bool = False  # only what was typed in the blanks can be written in another way
    opening: Words = ""  # what stands before the city's name, such as "Correction:"

    @property
    def over(self) -> bool:
        return self.phase == "all-clear"


@dataclass(frozen=True, slots=True)
class Error:
    """When a rule's findings are errors: never, always, only in an emergency, or only on any other day."""

    when: Literal["never", "always", "emergency", "routine"]

    def holds(self, about: About) -> bool:
        return self.when == "always" or self.when == ("emergency" if about.emergency else "routine")


WARNING, ERROR, IN_EMERGENCY, IN_ROUTINE = Error("never"), Error("always"), Error("emergency"), Error("routine")


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule, and the words of a message that it is about; `values` are for its sentences.

    `passage`: the words in full, where `found` may be a shortened quote."""

    rule: str
    message: Message
    found: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    passage: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """`found` is quoted from the text; empty when something is missing. `blank`: the field to change, as `shelter`."""

    rule: str
    level: Level
    channel: str
    language: str
    found: str
    wrong: str
    instead: str
    blank: str | None = None


def said_in(language: str, words: Words) -> str:
    """Return the words in this language, or else in the first that there is."""
    return words if isinstance(words, str) else words.get(language) or next(iter(words.values()), "")


def compared(text: str) -> str:
    """Return a text in the form in which names are looked for: a text message has plain quotes, no acute accents and
    single spaces."""
    return " ".join(without_acutes(ascii_punctuation(visible(text))).casefold().split())


def quote(text: str) -> str:
    """Return a text short enough to be shown, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else f"{line[: LONGEST_QUOTE - 1]}\u2026"
