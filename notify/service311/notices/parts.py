"""Whom a change of collection days concerns, and what is told to them: zones, and houses with days of their own, that
have the same changes are one part.

Pure: no database, no clock. A zone without a change is in no part, so nothing is sent there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from notify.service311.edition_schedules import House
from notify.service311.preview import preview
from notify.service311.rules import Cause, Collection, SetOut, State
from notify.service311.schedules import WEEK, monday
from notify.service311.streams import STREAMS

Whose = TypeVar("Whose", bound=int | House)  # the id of a zone, or a house with days of its own
ORDER = {stream: place for place, stream in enumerate(STREAMS)}


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of the streams that are due on one day, and share one fate.

    nominal: their day by the schedule. effective: the date of the truck; None if there is none. set_out: as in
    `Collection`. until: the next collection of what is suspended. merged: collected together with the next.
    evening: residents set out on the evening of the usual day, and the truck comes the day after.
    """

    nominal: date
    streams: tuple[str, ...]
    state: State
    effective: date | None = None
    set_out: SetOut | None = None
    until: date | None = None
    merged: bool = False
    evening: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Zones, by id, and houses whose residents read the same words; their moves by date."""

    zones: tuple[int, ...]
    moves: tuple[Move, ...]
    houses: tuple[House, ...] = ()

    @property
    def last_day(self) -> date:
        """The last date that its words name, or on which something was due. What is to be announced keeps residents
        waiting for a week more."""
        return max(self.last_change, *(one.until or one.nominal for one in self.moves))

    @property
    def last_change(self) -> date:
        """The same without the next regular day of what is not collected, which changes nothing."""
        return max(
            one.nominal + WEEK if one.state is State.TO_BE_ANNOUNCED else max(one.nominal, one.effective or one.nominal)
            for one in self.moves
        )


def of_holiday(calendars: Mapping[Whose, Iterable[Collection]], holiday: str, day: date) -> list[Part]:
    """Return the parts of a holiday's notice, by the first date that changes.

    What changes in the same week for another reason, or by hand, is told as well: residents want one truth about their
    week, and a city may move its holidays by hand.
    """
    changed = {
        zone: [one for one in changed_of(collections) if abs(monday(one.nominal) - monday(day)) <= WEEK]
        for zone, collections in calendars.items()
    }
    by_it = [one for found in changed.values() for one in found if holiday in one.why.holidays]
    weeks = {monday(day), *(monday(one.nominal) for one in by_it)}
    return grouped({zone: [one for one in found if monday(one.nominal) in weeks] for zone, found in changed.items()})


def by_hand(calendars: Mapping[Whose, Iterable[Collection]], reason: str, day: date) -> list[Part]:
    """Return the parts of what was changed by hand for this reason, of what is due on a day by the schedule."""
    return grouped(
        {
            zone: [
                one
                for one in collections
                if one.nominal == day and one.why.reason == reason and one.state is not State.ON_SCHEDULE
            ]
            for zone, collections in calendars.items()
        }
    )


def days_of(found: Iterable[Part]) -> frozenset[tuple[int | House, date]]:
    """Return of which zones and houses the parts tell the changes of which days."""
    told = set[tuple[int | House, date]]()
    for part in found:
        days = {move.nominal for move in part.moves}
        told |= {(zone, day) for zone in part.zones for day in days}
        told |= {(house, day) for house in part.houses for day in days}
    return frozenset(told)


def changed_of(collections: Iterable[Collection]) -> list[Collection]:
    """Return those that are not as the schedule has them."""
    return [one for one in collections if one.state is not State.ON_SCHEDULE]


def of_edit(
    before: Mapping[Whose, Iterable[Collection]], after: Mapping[Whose, Iterable[Collection]], first: date
) -> list[Part]:
    """Return the parts of what exceptions change in calendars, of all that is due from `first` on."""
    changed: dict[Whose, list[Collection]] = {}
    for zone, collections in after.items():
        differs = [one.new for one in preview(before.get(zone, ()), collections) if one.date_differs]
        changed[zone] = [one for one in differs if one is not None and one.nominal >= first]
    return grouped(changed)


def of_correction(
    told: Mapping[Whose, Iterable[Collection]], after: Mapping[Whose, Iterable[Collection]], day: date
) -> list[Part]:
    """Return the parts of what has changed about a holiday since it was told: in the weeks around it alone."""
    near = range(-1, 2)
    weeks = {monday(day) + week * WEEK for week in near}

    def around(calendars: Mapping[Whose, Iterable[Collection]]) -> dict[Whose, list[Collection]]:
        return {zone: [one for one in found if monday(one.nominal) in weeks] for zone, found in calendars.items()}

    return of_edit(around(told), around(after), min(weeks))


def grouped(changed: Mapping[Whose, Sequence[Collection]]) -> list[Part]:
    """Return the parts of what changes in each zone: those with the same moves together, in order of their moves."""
    zones: dict[tuple[Move, ...], list[int]] = defaultdict(list)
    houses: dict[tuple[Move, ...], list[House]] = defaultdict(list)
    for whose, collections in changed.items():
        if collections and isinstance(whose, House):
            houses[moves_of(collections)].append(whose)
        elif collections and isinstance(whose, int):
            zones[moves_of(collections)].append(whose)
    found = [
        Part(tuple(sorted(zones.get(moves, ()))), moves, tuple(sorted(houses.get(moves, ()))))
        for moves in dict.fromkeys([*zones, *houses])
    ]
    return sorted(found, key=lambda part: (part.moves[0].nominal, part.zones, part.houses))


def moves_of(collections: Iterable[Collection]) -> tuple[Move, ...]:
    """Return the changes of one zone, by date; streams with the same fate are named together."""
    streams: dict[Move, list[str]] = defaultdict(list)
    for one in collections:
        merged = one.why.cause is Cause.MERGED and one.effective is not None
        evening = one.why.cause is Cause.SET_OUT
        alike = Move(one.nominal, (), one.state, one.effective, one.set_out, one.why.until, merged, evening)
        streams[alike].append(one.stream)
    return _named(streams)


def whatever_set_out(moves: Iterable[Move]) -> tuple[Move, ...]:
    """Return moves for words that do not say when to set out what: those that differ in nothing else are one. When the
    evening is what is new, it is said."""
    streams: dict[Move, list[str]] = defaultdict(list)
    for one in moves:
        streams[replace(one, streams=(), set_out=one.set_out if one.evening else None)] += one.streams
    return _named(streams)


def _named(streams: Mapping[Move, Iterable[str]]) -> tuple[Move, ...]:
    found = [
        replace(alike, streams=tuple(sorted(set(names), key=ORDER.__getitem__))) for alike, names in streams.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.nominal, ORDER[one.streams[0]])))
