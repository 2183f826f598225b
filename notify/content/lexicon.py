"""The words by which the linter knows a language: `templates/lint/<language>.toml`."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, cached_property

from pydantic import BaseModel, ConfigDict, Field, field_validator

from notify.core.characters import without_acutes
from templates import LINT


class Lexicon(BaseModel):
    """The words of one language, in lower case. Lists that are long are given as one text with spaces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    letters: str  # ordinary letters that GSM-7 lacks, and that the language cannot be written without
    capitals: frozenset[str]  # words that may stand in capitals
    actions: str
    not_to: tuple[str, ...]
    before_an_action: tuple[str, ...]
    another: tuple[str, ...]
    duty: tuple[str, ...]
    hazards: str
    time_words: str
    end_words: tuple[str, ...]
    next_day_words: tuple[str, ...]
    place_words: tuple[str, ...]
    links: tuple[str, ...]
    common: tuple[str, ...]  # that the other languages of texts do not have
    exercise: tuple[str, ...]
    practice: tuple[str, ...]
    real: tuple[str, ...]
    leave: tuple[str, ...]
    end_example: str
    action_example: str
    exercise_example: str
    leave_example: str
    help_example: str
    we: tuple[str, ...]
    your_area: tuple[str, ...]
    vague: Mapping[str, str] = Field(default={})
    jargon: Mapping[str, str] = Field(default={})

    @field_validator("vague", "jargon")
    @classmethod
    def _also_in_a_text(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        return {**{without_acutes(words): instead for words, instead in given.items()}, **given}

    @cached_property
    def action(self) -> re.Pattern[str]:
        """Matches a request at the beginning of a clause."""
        lead = f"(?:(?:{_either(self.before_an_action)}),?\\s+){{0,2}}"
        return re.compile(
            f"{lead}(?:(?:{_either(self.not_to)})\\s+)?(?:{_either(self.actions.split())})\\b", re.IGNORECASE
        )

    @cached_property
    def bidding(self) -> re.Pattern[str]:
        """Matches words that put a duty on somebody, wherever they stand."""
        return _words(self.duty)

    @cached_property
    def clause(self) -> re.Pattern[str]:
        """Separates the clauses of a sentence, each of which may ask for something else."""
        return re.compile(
            rf"[,;:\u2013\u2014]\s+(?:(?:{_either(self.another)})\s+)?|\s(?:{_either(self.another)})\s+", re.IGNORECASE
        )

    @cached_property
    def when(self) -> re.Pattern[str]:
        """Matches a day or a time."""
        named = [*self.time_words.split(), *self.next_day_words]
        return re.compile(
            rf"\b(?:{_either(named)})\b|\b\d{{1,2}}(?:[:.]\d\d)?\s?[ap]\.?\s?m\b|\b\d{{1,2}}:\d\d\b", re.IGNORECASE
        )

    @cached_property
    def hazard(self) -> re.Pattern[str]:
        return _words(self.hazards.split())

    @cached_property
    def place(self) -> re.Pattern[str]:
        """Matches a word of place before a name or a number: "in Riverside", "at 100 Main Street"."""
        return re.compile(rf"\b(?i:{_either(self.place_words)})\s+(?:(?i:the|el|la|los|las)\s+)?[A-Z\u00c0-\u00de0-9]")

    @cached_property
    def link(self) -> re.Pattern[str]:
        """Matches a word that names which are the same in every language do not have: "Homes along the river"."""
        return _words(self.links)

    @cached_property
    def usual(self) -> re.Pattern[str]:
        """Matches a word by which the language is recognized."""
        return _words(self.common)

    @cached_property
    def group(self) -> re.Pattern[str]:
        return _words(self.we)

    @cached_property
    def nowhere(self) -> re.Pattern[str]:
        return _words(self.your_area)

    @cached_property
    def says_practice(self) -> re.Pattern[str]:
        return _words(self.practice)

    @cached_property
    def says_exercise(self) -> re.Pattern[str]:
        return _words(self.exercise)

    @cached_property
    def says_real(self) -> re.Pattern[str]:
        return _words(self.real)

    @cached_property
    def says_leave(self) -> re.Pattern[str]:
        return _words(self.leave)

    @cached_property
    def to_replace(self) -> Mapping[str, re.Pattern[str]]:
        return {"vague": _words(self.vague), "jargon": _words(self.jargon)}


@cache
def lexicon(language: str) -> Lexicon | None:
    """Return the words of a language, or None: its texts are then checked by the other rules only."""
    path = LINT / f"{language}.toml"
    known = language.isalpha() and path.is_file()
    return Lexicon.model_validate(tomllib.loads(path.read_text("utf-8"))) if known else None


def _either(words: Iterable[str]) -> str:
    """Match any of these words, with their accents or, as in a text message, without."""
    both = {form for word in words for form in (word, without_acutes(word))}
    return "|".join(re.escape(word) for word in sorted(both, key=lambda word: (-len(word), word)))


def _words(words: Iterable[str]) -> re.Pattern[str]:
    """Match any of these words, unless it is part of a longer one."""
    return re.compile(rf"(?<![\w-])(?:{_either(words)})(?![\w-])", re.IGNORECASE)
