"""Load every message that a city can send from `templates/messages`.

The folder has `<language>.toml`, the words that all messages share; `email.txt` and `email.html`, the layouts;
`<event>/event.toml`, blanks and CAP defaults; `<event>/<language>.toml`, the words per phase and channel.
Mistakes in these files are reported when the catalogue is loaded, not when an alert is launched.
"""

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeVar

from jinja2 import DictLoader, StrictUndefined, Template, nodes, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from notify.channels.channel import CHANNELS, ChannelName
from notify.content import grammar
from notify.content.blanks import Phase
from notify.content.events import Catalogue, Choices, Common, Declaration, Event, Part
from notify.content.links import END_OF_VALUE
from notify.core.errors import Invalid
from notify.core.rewording import reworded
from templates import MESSAGES

# Every message has these without declaring them. `expires` is a time, the others are words.
IMPLICIT = frozenset({"city", "area", "expires", "link", "program", "help_contact"})
LAYOUTS = ("email.txt", "email.html")
# The names that the layouts receive; see `compose.py`. `loop` is Jinja's own.
LAID_OUT = frozenset({"common", "language", "subject", "blocks", "expires", "link", "program", "help_contact", "loop"})

Model = TypeVar("Model", bound=BaseModel)
Words = Mapping[ChannelName, Mapping[str, str]]


class Language(BaseModel):
    """`<event>/<language>.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    choices: Choices = Field(default={})
    issue: Words = Field(default={})
    update: Words = Field(default={})
    all_clear: Words = Field(default={}, alias="all-clear")

    def words(self, phase: Phase) -> Words:
        return {"issue": self.issue, "update": self.update, "all-clear": self.all_clear}[phase]


@cache
def catalogue() -> Catalogue:
    """Return the messages of this installation. They are read once."""
    return load(MESSAGES)


def load(folder: Path) -> Catalogue:
    """Read a folder of messages. Raises Invalid with every mistake in it, each with its file and key."""
    reading = _Reading(folder)
    common = reading.all("*.toml", Common)
    sources = {name: reading.text(folder / name) for name in LAYOUTS}
    for name, source in sources.items():
        reading.check_template(folder / name, "", source, LAID_OUT)
    declared = {path.parent.name: found for path, found in reading.all("*/event.toml", Declaration).items()}
    shared = {path.stem: words for path, words in common.items()}
    written: dict[str, dict[str, Language]] = {}
    for name, declaration in declared.items():
        written[name] = reading.event(name, declaration, tuple(shared))
        sources.update(_sources(name, declaration, written[name]))
    if not declared or not shared:
        reading.say(folder, "", "has no event, or no language")
    reading.finish()
    environment = _environment(sources)
    layouts = {layout: environment.get_template(layout) for layout in LAYOUTS}
    return Catalogue(
        tuple(_event(_marking(environment), name, declared[name], written[name], shared, layouts) for name in declared)
    )


@lru_cache(maxsize=5000)
def compiled(source: str) -> Template:
    """Compile one part of a message that is not in the folder: the city's own words."""
    return _marking(_environment({})).from_string(source)


class _Reading:
    """Reads files and collects their mistakes, so that all are reported at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mistakes: list[str] = []

    def finish(self) -> None:
        if self.mistakes:
            raise Invalid("The messages have mistakes.", hint="Correct these files.", details=self.mistakes)

    def say(self, path: Path, key: str, mistake: str) -> None:
        place = f"{path.relative_to(self.folder)}: {key}".removesuffix(": ")
        self.mistakes.append(f"{place} {mistake}.")

    def text(self, path: Path) -> str:
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            self.say(path, "", "is missing or not UTF-8 text")
            return ""

    def all(self, pattern: str, model: type[Model]) -> dict[Path, Model]:
        found = {path: self.parse(path, model) for path in sorted(self.folder.glob(pattern))}
        return {path: parsed for path, parsed in found.items() if parsed is not None}

    def parse(self, path: Path, model: type[Model]) -> Model | None:
        try:
            return model.model_validate(tomllib.loads(self.text(path)))
        except tomllib.TOMLDecodeError as error:
            self.say(path, "", f"is not TOML: {error}")
        except ValidationError as error:
            for mistake in error.errors():
                key = ".".join(str(part) for part in mistake["loc"])
                self.say(path, key, f"is wrong: {reworded(mistake['msg'])}")
        return None

    def event(self, name: str, event: Declaration, languages: tuple[str, ...]) -> dict[str, Language]:
        """Return the words of an event in every language, checked against its blanks and against each other."""
        paths = {language: self.folder / name / f"{language}.toml" for language in languages}
        for path in sorted((self.folder / name).glob("*.toml")):
            if path.stem not in {*languages, "event"}:
                self.say(path, "", f"needs the common words of its language in {path.name}")
        read = {language: self.parse(path, Language) for language, path in paths.items()}
        written = {language: words for language, words in read.items() if words is not None}
        forms = self.check_choices(paths, event, written)
        for language, words in written.items():
            for phase in event.phases:
                self.check_channels(paths[language], phase, words, written)
                known = IMPLICIT | {blank.name for blank in event.blanks if phase in blank.phases}
                for channel, parts in words.words(phase).items():
                    for part, source in parts.items():
                        key = f"{phase}.{channel}.{part}"
                        tree = self.check_template(paths[language], key, source, known)
                        for mistake in grammar.undefined_forms(tree, forms) if tree else ():
                            self.say(paths[language], key, mistake)
        return written

    def check_choices(
        self, paths: Mapping[str, Path], event: Declaration, written: Mapping[str, Language]
    ) -> dict[str, set[str]]:
        """Check that every key of a choice has the same forms of words in all languages.

        Returns the forms of each blank, times included.
        """
        expected = {blank.name: set(blank.choices) for blank in event.blanks if blank.type == "choice"}
        forms = {blank.name: {"full"} for blank in event.blanks if blank.type == "datetime"} | {"expires": {"full"}}
        for language, words in written.items():
            for blank in expected.keys() ^ words.choices.keys():
                self.say(paths[language], f"choices.{blank}", "must be here exactly if event.toml has it")
            for blank, keys in words.choices.items():
                for key in expected.get(blank, set()) ^ keys.keys():
                    self.say(paths[language], f"choices.{blank}.{key}", "must be here exactly if event.toml has it")
                for key, variants in keys.items():
                    if variants.keys() != forms.setdefault(blank, set(variants)):
                        self.say(paths[language], f"choices.{blank}.{key}", "has other forms than the rest")
        return forms

    def check_channels(self, path: Path, phase: Phase, words: Language, written: Mapping[str, Language]) -> None:
        """Check that a message is written in all languages or in none, with all its parts."""
        wanted = {channel for other in written.values() for channel in other.words(phase)}
        for channel in sorted(wanted - words.words(phase).keys()) if wanted else [next(iter(CHANNELS))]:
            self.say(path, f"{phase}.{channel}", "is missing")
        for channel, parts in words.words(phase).items():
            known = CHANNELS[channel].parts
            for part in sorted(set(known) ^ parts.keys()):
                self.say(path, f"{phase}.{channel}", f"must have exactly {' and '.join(known)}: see {part}")

    def check_template(self, path: Path, key: str, source: str, known: frozenset[str]) -> nodes.Template | None:
        """Check that the template parses and that every name in it is known."""
        try:
            tree = grammar.parse(source)
        except ValueError as error:
            self.say(path, key, str(error))
            return None
        for mistake in grammar.undefined(tree, known):
            self.say(path, key, mistake)
        return tree


def _environment(sources: Mapping[str, str]) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=DictLoader(sources),
        undefined=StrictUndefined,
        autoescape=select_autoescape(("html",), default=False, default_for_string=False),
    )


def _marking(environment: ImmutableSandboxedEnvironment) -> ImmutableSandboxedEnvironment:
    """Return the environment for words that are sent: it marks the end of every value."""
    return environment.overlay(finalize=lambda value: f"{value}{END_OF_VALUE}")


def _sources(name: str, event: Declaration, written: Mapping[str, Language]) -> dict[str, str]:
    return {
        f"{name}/{phase}/{channel}/{language}/{part}": source
        for language, words in written.items()
        for phase in event.phases
        for channel, parts in words.words(phase).items()
        for part, source in parts.items()
    }


def _event(
    environment: ImmutableSandboxedEnvironment,
    name: str,
    declaration: Declaration,
    written: Mapping[str, Language],
    common: Mapping[str, Common],
    layouts: Mapping[str, Template],
) -> Event:
    templates: dict[Part, Template] = {}
    sources: dict[Part, str] = {}
    for source, words in _sources(name, declaration, written).items():
        _, phase, channel, language, part = source.split("/")
        templates[phase, channel, language, part] = environment.get_template(source)
        sources[phase, channel, language, part] = words
    return Event(
        name=name,
        label=declaration.label,
        topic=declaration.topic,
        category=declaration.category,
        two_people=declaration.two_people,
        composed=declaration.composed,
        fast=declaration.fast,
        called=declaration.called,
        phases=declaration.phases,
        declared=declaration.blanks,
        common=common,
        choices={language: words.choices for language, words in written.items()},
        sources=sources,
        templates=templates,
        layouts=layouts,
    )
