"""What the pages of the city's own words show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from notify.alerts.words import city_words, word_proofs, word_versions
from notify.alerts.words.city_words import Current
from notify.alerts.words.word_proofs import Proof
from notify.alerts.words.word_versions import Version
from notify.channels.channel import CHANNELS, Channel
from notify.content import compose, own_words
from notify.content.events import Event
from notify.content.own_words import Form, Usable, Words
from notify.content.word_difference import Piece, difference
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop

PHASES = {
    "issue": gettext_noop("First message"),
    "update": gettext_noop("Update"),
    "all-clear": gettext_noop("All-clear"),
}
PARTS = {"subject": gettext_noop("Subject"), "text": gettext_noop("Text")}


@dataclass(frozen=True, slots=True)
class Editor:
    """The words of one form on the page: those in force, and those that somebody has typed and not saved."""

    current: Current
    typed: Words
    built_in: Words
    proof: Proof
    fits: bool  # as somebody has ticked it

    @property
    def name(self) -> str:
        return f"{self.current.channel}.{self.current.language}"

    @property
    def changed(self) -> bool:
        return dict(self.typed) != dict(self.current.words)

    @property
    def differs(self) -> bool:
        return dict(self.typed) != dict(self.built_in)

    @property
    def unsaved(self) -> list[tuple[str, list[Piece]]]:
        return compared(self.current.words, self.typed)

    @property
    def differences(self) -> list[tuple[str, list[Piece]]]:
        return compared(self.built_in, self.typed)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The page of one event and phase. `seen` goes with the form, so that nobody saves over another's words."""

    event: Event
    phase: str
    languages: Sequence[str]
    editors: Mapping[Form, Editor]
    usable: Mapping[str, Sequence[Usable]]  # by channel
    seen: int
    history: Sequence[Version]
    note: str = ""
    emergency: bool = False
    channels: Sequence[Channel] = field(default_factory=tuple)

    @property
    def heading(self) -> str:
        return phase_label(self.phase)


def phase_label(phase: str) -> str:
    return _(PHASES[phase])


def part_label(part: str) -> str:
    return _(PARTS[part])


def sheet(
    s: Session,
    event_name: str,
    phase: str,
    settings: Settings,
    typed: Mapping[Form, Words] | None = None,
    fits: frozenset[Form] = frozenset(),
    note: str = "",
) -> Sheet:
    """Read the page. `typed`: words that are not saved; of every other form those in force. Raises NotFound."""
    event = compose.catalogue().event(event_name)
    event.defaults(phase)
    forms = city_words.current(s, event, phase, settings)
    words = {form: own_words.tidy((typed or {}).get(form, one.words)) for form, one in forms.items()}
    found = {proof.form: proof for proof in word_proofs.proofs(event, phase, words, forms, settings)}
    first = city_words.original_language(settings)
    channels = event.written(phase)
    return Sheet(
        event=event,
        phase=phase,
        languages=city_words.languages_of(settings),
        editors={
            form: Editor(one, words[form], own_words.built_in(event, phase, *form), found[form], form in fits)
            for form, one in forms.items()
        },
        usable={channel: own_words.usable(event, phase, channel, first) for channel in channels},
        seen=word_versions.latest(s, event.name, phase),
        history=word_versions.history(s, event.name, phase),
        note=note,
        emergency=event.defaults(phase).lane == "emergency",
        channels=[CHANNELS[channel] for channel in channels],
    )


def compared(before: Words, after: Words) -> list[tuple[str, list[Piece]]]:
    """Return the difference of each part that differs."""
    return [(part, difference(before[part], text)) for part, text in after.items() if text != before[part]]
