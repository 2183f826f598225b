"""The words of messages as they are now: the city's own, or the built-in ones. What is composed is composed from these.

Reads only. The newest version of a form is in force from its commit on, in every process: nothing is cached but
compiled templates, by their text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.content import compose, own_words
from notify.content.events import Event
from notify.content.own_words import Form, Words
from notify.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Current:
    """The words of a form. `version`: 0 when the city never wrote any; `at`, `by` and `note` are of that version.

    `stale`: it was made from words of the original that are no longer in force."""

    event: str
    phase: str
    channel: str
    language: str
    words: Words
    version: int = 0
    own: bool = False
    stale: bool = False
    at: datetime | None = None
    by: str | None = None
    note: str = ""
    made_from: tuple[str, int] = ("", 0)  # language and version

    @property
    def form(self) -> Form:
        return self.channel, self.language


def current(s: Session, event: Event, phase: str, settings: Settings) -> dict[Form, Current]:
    """Return the words of every form of an event's phase, those in the city's first language first per channel."""
    newest = {(row["channel"], row["language"]): row for row in _newest(s, event.name, phase)}
    return {one.form: one for one in _forms(event, phase, newest, settings)}


def everything(s: Session, settings: Settings) -> dict[tuple[str, str], list[Current]]:
    """Return the words of every form, by event and phase, in the catalogue's order."""
    newest: dict[tuple[str, str], dict[Form, Mapping[str, Any]]] = {}
    for row in _newest(s):
        newest.setdefault((row["event"], row["phase"]), {})[row["channel"], row["language"]] = row
    return {
        (event.name, phase): list(_forms(event, phase, newest.get((event.name, phase), {}), settings))
        for event in compose.catalogue().events
        for phase in event.phases
    }


def in_force(s: Session, event: Event, phase: str, settings: Settings) -> tuple[Event, frozenset[Form]]:
    """Return the event with the words that are in force in this phase, and the forms whose words are stale."""
    forms = current(s, event, phase, settings)
    own = {form: one.words for form, one in forms.items() if one.own}
    return own_words.rewritten(event, phase, own), frozenset(form for form, one in forms.items() if one.stale)


def original_language(settings: Settings) -> str:
    """Return the language of which the others are translations: the city's first."""
    return compose.catalogue().written(settings.languages)[0]


def languages_of(settings: Settings) -> tuple[str, ...]:
    return compose.catalogue().written(settings.languages)


def _forms(event: Event, phase: str, newest: Mapping[Form, Mapping[str, Any]], settings: Settings) -> Iterator[Current]:
    first, *others = languages_of(settings)
    for channel in event.written(phase):
        built_in = own_words.built_in(event, phase, channel, first)
        row = newest.get((channel, first))
        original = _of(event, phase, (channel, first), row)
        yield original
        for language in others:
            row = newest.get((channel, language))
            base = built_in if row is None or row["base"] is None else row["base"]
            yield _of(event, phase, (channel, language), row, stale=base != original.words)


def _of(event: Event, phase: str, form: Form, row: Mapping[str, Any] | None, *, stale: bool = False) -> Current:
    built_in = own_words.built_in(event, phase, *form)
    if row is None:
        return Current(event.name, phase, *form, built_in, stale=stale)
    return Current(
        event.name,
        phase,
        *form,
        built_in if row["words"] is None else row["words"],
        version=row["version"],
        own=row["words"] is not None,
        stale=stale,
        at=row["at"],
        by=row["email"],
        note=row["note"],
        made_from=(row["original"], row["made_from"]),
    )


def _newest(s: Session, event: str | None = None, phase: str | None = None) -> list[Mapping[str, Any]]:
    """The newest version of each form; `base`: the words of the original that it was made from, None if built in."""
    only = "WHERE v.event = :event AND v.phase = :phase" if event else ""
    rows = s.execute(
        text(f"""
            SELECT DISTINCT ON (v.event, v.phase, v.channel, v.language)
                   v.event, v.phase, v.channel, v.language, v.version, v.words, v.original, v.made_from, v.note, v.at,
                   o.email, base.words AS base
              FROM word_versions v
              LEFT JOIN operators o ON o.id = v.operator_id
              LEFT JOIN word_versions base
                ON (base.event, base.phase, base.channel, base.language, base.version)
                 = (v.event, v.phase, v.channel, v.original, v.made_from)
              {only}
             ORDER BY v.event, v.phase, v.channel, v.language, v.version DESC"""),  # noqa: S608  our own words
        {"event": event, "phase": phase} if event else {},
    )
    return [dict(row) for row in rows.mappings()]
