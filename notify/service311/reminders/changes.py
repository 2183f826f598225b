"""What an edition changes of collections that are near. Pure: no database, no clock.

A collection is known by its stream and nominal date, however often it moves.
"""

from collections.abc import Collection as Some
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from notify.service311.reminders.due import Fact
from notify.service311.rules import Collection, SetOut, State

Key = tuple[str, date]


@dataclass(frozen=True, slots=True)
class Status:
    """on: collected on `day`. off: not collected. unknown: the new day is not known yet. `set_out`: None also where it
    was not said."""

    what: Literal["on", "off", "unknown"]
    day: date | None = None
    set_out: SetOut | None = None

    def says(self, other: "Status") -> bool:
        """Return whether both say the same."""
        same_hour = None in (self.set_out, other.set_out) or self.set_out == other.set_out
        return (self.what, self.day) == (other.what, other.day) and same_hour


OFF = Status("off")  # also of what is not in a calendar any more


@dataclass(frozen=True, slots=True)
class Change:
    """`old`: None for a collection that there was not before."""

    stream: str
    nominal: date
    old: Status | None
    new: Status

    @property
    def days(self) -> tuple[date | None, ...]:
        """The days that it concerns."""
        return self.nominal, self.old.day if self.old else None, self.new.day

    @property
    def first_day(self) -> date:
        return min((day for day in self.days[1:] if day), default=self.nominal)


def statuses(collections: Iterable[Collection]) -> dict[Key, Status]:
    return {(one.stream, one.nominal): _status(one) for one in collections}


def told(facts: Iterable[Fact]) -> dict[Key, Status]:
    """Return what somebody read of collections."""
    return {(one.stream, one.nominal): _told(one) for one in facts}


def between(old: Mapping[Key, Status], new: Mapping[Key, Status], days: Some[date]) -> tuple[Change, ...]:
    """Return what changes of the collections that were or are on these days, or would be."""
    near = {key for known in (old, new) for key, one in known.items() if key[1] in days or one.day in days}
    found = [Change(*key, old.get(key), new.get(key, OFF)) for key in sorted(near)]
    return tuple(one for one in found if not one.new.says(one.old or OFF))


def _status(one: Collection) -> Status:
    if one.effective is not None:
        return Status("on", one.effective, one.set_out)
    return Status("unknown") if one.state is State.TO_BE_ANNOUNCED else OFF


def _told(one: Fact) -> Status:
    if one.effective is not None:
        return Status("on", one.effective, one.set_out)
    return Status("unknown") if one.what == "unknown" else OFF
