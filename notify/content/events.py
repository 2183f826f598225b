"""The events that a city sends messages about: their blanks, CAP defaults and templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, Self

from jinja2 import Template
from pydantic import BaseModel, ConfigDict, Field, model_validator

from notify.channels.channel import CHANNELS
from notify.content.blanks import Blank, Phase
from notify.content.phrases import Speech
from notify.core.errors import Invalid, NotFound
from notify.core.translation import gettext as _

Lane = Literal["emergency", "routine"]
Category = Literal[
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"
]
ResponseType = Literal["Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"]


def lane(severity: str, urgency: str) -> Lane:
    """Return `emergency` when people must act at once and life or property is at stake, else `routine`."""
    return "emergency" if urgency == "Immediate" and severity in {"Severe", "Extreme"} else "routine"


class Defaults(BaseModel):
    """The CAP 1.2 values (section 3.2) of an event in one phase, unless the operator gives others.

    An all-clear is an Update with the response type AllClear; a Cancel would say that the alert was never valid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    msg_type: Literal["Alert", "Update", "Cancel"]
    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
    urgency: Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
    certainty: Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
    response_types: tuple[ResponseType, ...]

    @property
    def lane(self) -> Lane:
        return lane(self.severity, self.urgency)


class Declaration(BaseModel):
    """`<event>/event.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    topic: str = Field(pattern="^[a-z]+$")
    category: tuple[Category, ...] = Field(min_length=1)
    two_people: bool = False  # at any severity, the author may not approve it
    composed: bool = False  # Tocsin writes its blanks from what the city has published; nobody fills in a form
    fast: bool = False  # for a danger that does not wait: nothing in it is needed that must be composed or translated
    # What operators call an alert, by the choice in one blank: hazard -> tornado -> "Tornado". Else its label.
    called: Mapping[str, Mapping[str, str]] = Field(default={}, max_length=1)
    phases: Mapping[Phase, Defaults] = Field(min_length=1)
    blanks: tuple[Blank, ...]

    @model_validator(mode="before")
    @classmethod
    def _named_by_their_keys(cls, data: dict[str, Any]) -> dict[str, Any]:
        blanks = data.get("blanks", {})
        return {**data, "blanks": [{**blank, "name": name} for name, blank in blanks.items()]}

    @model_validator(mode="after")
    def _fast_ones_ask_for_the_least(self) -> Self:
        for blank in self.blanks:
            if self.fast and blank.required and blank.translated:
                raise ValueError(f"{blank.name} needs a translation, so a fast event cannot require it")
        return self

    @model_validator(mode="after")
    def _every_choice_has_a_name(self) -> Self:
        choices = {blank.name: blank.choices.keys() for blank in self.blanks}
        for name, names in self.called.items():
            if names.keys() != choices.get(name, {}):
                raise ValueError(f"called.{name} must name each choice of that blank, and nothing else")
        return self

    @model_validator(mode="after")
    def _times_name_what_there_is(self) -> Self:
        times = {blank.name for blank in self.blanks if blank.type in ("date", "datetime")}
        for blank in self.blanks:
            named = {*blank.not_before, *blank.before, *blank.unlike}
            if (named or blank.begun_at_most_h) and blank.name not in times:
                raise ValueError(f"{blank.name} is neither a date nor a time, so it cannot be before or after another")
            if unknown := named - times - {"launch", "expires"}:
                raise ValueError(f"{blank.name} is compared with {', '.join(sorted(unknown))}, which is not a time")
        return self


class Common(BaseModel):
    """`<language>.toml`: the words that all messages of a language share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    exercise: str  # opens every message of an exercise or test
    practice: str  # explains the exercise
    correction: str  # opens every message that corrects an earlier one
    replaces: str  # explains the correction in an email
    stop: str  # ends a routine text message
    together: str  # opens the message of a digest: `city`, `n` alerts
    valid_until: str
    latest: str
    questions: str
    why: str
    unsubscribe: str
    own_link: str  # where a message that is shown has a link of its own for each reader
    speech: Speech


Choices = Mapping[str, Mapping[str, Mapping[str, str]]]  # blank -> key -> form -> words
Part = tuple[str, str, str, str]  # of a message: phase, channel, language, part


@dataclass(frozen=True)
class Event:
    """One event, with its messages in every language."""

    name: str
    label: str
    topic: str
    category: tuple[str, ...]
    two_people: bool
    composed: bool
    fast: bool
    called: Mapping[str, Mapping[str, str]]
    phases: Mapping[Phase, Defaults]
    declared: tuple[Blank, ...]
    common: Mapping[str, Common]  # by language
    choices: Mapping[str, Choices]  # by language
    sources: Mapping[Part, str]
    templates: Mapping[Part, Template]  # the same, compiled
    layouts: Mapping[str, Template]  # email.txt, email.html

    def name_for(self, blanks: Mapping[str, Any]) -> str:
        """Return what operators call an alert with these blanks, in English."""
        named = [names[blanks[blank]] for blank, names in self.called.items() if blanks.get(blank) in names]
        return next(iter(named), self.label)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self.common)

    def blanks(self, phase: str) -> tuple[Blank, ...]:
        """Return the blanks of a phase, in the order of the form. Raises NotFound."""
        self.defaults(phase)
        return tuple(blank for blank in self.declared if phase in blank.phases)

    def asked(self, phase: str) -> tuple[Blank, ...]:
        """Return the blanks of a phase that people fill in. Raises NotFound."""
        return tuple(blank for blank in self.blanks(phase) if not blank.ours)

    def defaults(self, phase: str) -> Defaults:
        """Return the CAP defaults of a phase. Raises NotFound."""
        for name, found in self.phases.items():
            if name == phase:
                return found
        raise NotFound(
            _("%(label)s has no phase called '%(phase)s'.", label=self.label, phase=phase),
            hint=_("Its phases are %(phases)s.", phases=", ".join(self.phases)),
        )

    def channels(self, phase: str) -> tuple[str, ...]:
        """Return the channels that a phase has messages for. Raises NotFound."""
        self.defaults(phase)
        return tuple(channel for channel in CHANNELS if self.words_of(phase, channel) in self._written(phase))

    def template(self, phase: str, channel: str, language: str, part: str) -> Template:
        """Return the template of one part of a channel's message. The phase must have the channel."""
        return self.templates[phase, self.words_of(phase, channel), language, part]

    def words_of(self, phase: str, channel: str) -> str:
        """Return the channel itself, or the channel whose words it shares."""
        return channel if channel in self._written(phase) else CHANNELS[channel].words_of

    def written(self, phase: str) -> tuple[str, ...]:
        """Return the channels that have words of their own in a phase. Raises NotFound."""
        self.defaults(phase)
        return tuple(channel for channel in CHANNELS if channel in self._written(phase))

    def _written(self, phase: str) -> frozenset[str]:
        return frozenset(channel for of, channel, _, _ in self.templates if of == phase)


@dataclass(frozen=True)
class Catalogue:
    """All events that messages can be sent about."""

    events: tuple[Event, ...]

    @property
    def forms(self) -> tuple[Event, ...]:
        """The events that people write alerts about: those that are not composed."""
        return tuple(event for event in self.events if not event.composed)

    def written(self, languages: Sequence[str]) -> tuple[str, ...]:
        """Return those of `languages` in which every message is written. Raises Invalid when there is none."""
        found = tuple(language for language in languages if all(language in event.languages for event in self.events))
        if not found:
            raise Invalid(
                _("There are no messages in %(languages)s.", languages=", ".join(languages)),
                hint=_("Set TOCSIN_LANGUAGES to others, such as en."),
            )
        return found

    def event(self, name: str) -> Event:
        """Return the event of this name. Raises NotFound, with similar names."""
        for event in self.events:
            if event.name == name:
                return event
        names = [event.name for event in self.events]
        near = get_close_matches(name, names, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Events: {', '.join(names)}."
        raise NotFound(_("There is no event called '%(name)s'.", name=name), hint=hint)
