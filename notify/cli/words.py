"""`tocsin words ...`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from notify.alerts.words import city_words, word_versions
from notify.alerts.words.city_words import Current
from notify.alerts.words.word_versions import Written
from notify.channels.channel import CHANNELS
from notify.cli import acting
from notify.cli.commands import As, Commands, Json
from notify.cli.linting import read_words
from notify.cli.output import console, moment, print_json, table
from notify.content import compose, own_words
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound
from notify.core.settings import settings
from notify.models import WordVersion

commands = Commands(help="The city's own words for messages, in place of the built-in ones.", no_args_is_help=True)
Event = Annotated[str, typer.Argument(metavar="EVENT", help="Such as storm.")]
Phase = Annotated[str, typer.Argument(metavar="PHASE", help="issue, update or all-clear.")]
Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help=f"{', '.join(CHANNELS)}.")]
Language = Annotated[str, typer.Argument(metavar="LANGUAGE", help="Such as es.")]


@commands.named("list")
def list_(as_json: Json = False) -> None:
    """List every message: whose words it has, and which translations are older than their originals."""
    with transaction() as s:
        forms = [one for found in city_words.everything(s, settings()).values() for one in found]
    if as_json:
        print_json({"words": [_told(one) for one in forms]})
        return
    table(
        ("event", "phase", "channel", "language", "words", "version", "by"),
        [(x.event, x.phase, x.channel, x.language, _whose(x), x.version or None, x.by) for x in forms],
    )


@commands.named("show")
def show(
    event: Event,
    phase: Phase,
    channel: Channel,
    language: Language,
    version: Annotated[int | None, typer.Option(min=0, help="0 is the built-in one; default: in force.")] = None,
    as_json: Json = False,
) -> None:
    """Show the words of a message, with its blanks."""
    with transaction() as s:
        found = compose.catalogue().event(event)
        one = _current(s, found, phase, channel, language)
        words = one.words if version is None else word_versions.at_version(s, found, phase, one.form, version)
        seen = word_versions.latest(s, event, phase)
    if as_json:
        print_json(_told(one) | {"words": dict(words), "seen": seen})
        return
    for part, text in words.items():
        console.print(f"{part}:\n{text}\n" if len(words) > 1 else text, markup=False, soft_wrap=True)


@commands.named("set")
def set_(
    event: Event,
    phase: Phase,
    channel: Channel,
    language: Language,
    operator: As,
    file: Annotated[Path | None, typer.Option(help="The new text; - for standard input.")] = None,
    subject: Annotated[str | None, typer.Option(help="Of an email; without, it stays.")] = None,
    built_in: Annotated[bool, typer.Option("--built-in", help="Go back to the built-in words.")] = False,
    fits: Annotated[bool, typer.Option("--fits", help="The translation says the same as its original.")] = False,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    seen: Annotated[int | None, typer.Option(help="From `words show --json`: refused if somebody saved since.")] = None,
    as_json: Json = False,
) -> None:
    """Write new words for a message, or confirm that a translation still fits. It is a new version."""
    if built_in and (file or subject is not None):
        raise Invalid("--built-in takes no words.", hint="Give it, or --file and --subject.")
    text = read_words(file) if file else None
    with transaction() as s:
        by, found = acting.required(s, operator), compose.catalogue().event(event)
        one = _current(s, found, phase, channel, language)
        words = dict(own_words.built_in(found, phase, *one.form) if built_in else one.words)
        words |= {} if text is None else {"text": text}
        words |= {} if subject is None else {"subject": subject}
        known = word_versions.latest(s, event, phase) if seen is None else seen
        written = {one.form: Written(words, fits)}
        (row,) = word_versions.save(s, event, phase, written, known, note, by, datetime.now(UTC), settings())
    if as_json:
        print_json({"version": row.version, "made_from": row.made_from})
    else:
        console.print(f"Version {row.version} of {event} {phase}, {channel}, {language} is in force.")


@commands.named("history")
def history(event: Event, phase: Phase, as_json: Json = False) -> None:
    """List every version of an event's words, newest first."""
    with transaction() as s:
        compose.catalogue().event(event).defaults(phase)
        rows = word_versions.history(s, event, phase)
    if as_json:
        print_json({"versions": [_version(row, by) for row, by in rows]})
        return
    table(
        ("at", "channel", "language", "version", "by", "note"),
        [(moment(row.at), row.channel, row.language, row.version, by, row.note or None) for row, by in rows],
    )


def _current(s: Session, event: compose.Event, phase: str, channel: str, language: str) -> Current:
    event.defaults(phase)
    forms = city_words.current(s, event, phase, settings())
    if (channel, language) not in forms:
        known = ", ".join(" ".join(form) for form in forms)
        raise NotFound(f"{event.label} has no words for {channel} in {language!r}.", hint=f"Choose from: {known}.")
    return forms[channel, language]


def _whose(one: Current) -> str:
    return f"{'own' if one.own else 'built in'}{', older than its original' if one.stale else ''}"


def _told(one: Current) -> dict[str, Any]:
    about = ("event", "phase", "channel", "language", "version", "own", "stale", "at", "by", "note")
    return {name: getattr(one, name) for name in about}


def _version(row: WordVersion, by: str | None) -> dict[str, Any]:
    about = ("channel", "language", "version", "words", "original", "made_from", "note", "at")
    return {name: getattr(row, name) for name in about} | {"by": by}
