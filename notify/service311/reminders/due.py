"""What a resident is told about one day of collections, as data. Pure: no database, no clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Literal

from notify.service311.rules import Collection, SetOut, State

What = Literal["due", "moved", "off", "unknown"]


@dataclass(frozen=True, slots=True)
class Fact:
    """What becomes of one stream on the day.

    due: it is collected; `nominal` is another day if it was moved here. moved: it would be collected, and is on
    `effective` instead. off: it is not collected. unknown: it moves, and nobody knows yet to which day.
    """

    stream: str
    what: What
    nominal: date
    effective: date | None = None
    set_out: SetOut | None = None


@dataclass(frozen=True, slots=True)
class AtPlace:
    """`place`: the id of a resident's place. `facts`: of it, in one order."""

    place: int
    facts: tuple[Fact, ...]


def on(day: date, collections: Iterable[Collection]) -> tuple[Fact, ...]:
    """Return what there is to say about a day: what is collected, and what would have been."""
    facts = [_fact(day, one) for one in collections if day in (one.effective, one.nominal)]
    return tuple(sorted(facts, key=lambda one: (one.what != "due", one.stream, one.nominal)))


def _fact(day: date, one: Collection) -> Fact:
    if one.effective == day:
        return Fact(one.stream, "due", one.nominal, day, one.set_out)
    if one.effective is not None:
        return Fact(one.stream, "moved", one.nominal, one.effective)
    return Fact(one.stream, "unknown" if one.state is State.TO_BE_ANNOUNCED else "off", one.nominal)


def changes(said: Iterable[AtPlace]) -> bool:
    """Return whether something comes on another day than usual, or not at all. What has moved to a later or earlier day
    is told for that one."""
    return any(
        fact.what in ("off", "unknown") or (fact.what == "due" and fact.effective != fact.nominal)
        for at in said
        for fact in at.facts
    )


def kept(said: Sequence[AtPlace]) -> list[Any]:
    """Return what was said in JSON, as `reminders.said` has it."""
    return [[at.place, *map(_kept, at.facts)] for at in said]


def read(said: Sequence[Any]) -> tuple[AtPlace, ...]:
    """Return what `kept` wrote."""
    return tuple(AtPlace(place, tuple(map(_read, facts))) for place, *facts in said)


def _kept(fact: Fact) -> list[str]:
    moved = fact.effective.isoformat() if fact.effective else ""
    out = [fact.set_out.day.isoformat(), f"{fact.set_out.at:%H:%M}"] if fact.set_out else []
    return [fact.stream, fact.what, fact.nominal.isoformat(), moved, *out]


def _read(kept: Sequence[Any]) -> Fact:
    stream, what, nominal, moved, *out = kept
    return Fact(
        stream, what, date.fromisoformat(nominal), date.fromisoformat(moved) if moved else None,
        SetOut(date.fromisoformat(out[0]), time.fromisoformat(out[1])) if out else None,
    )  # fmt: skip
