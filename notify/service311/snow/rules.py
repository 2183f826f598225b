"""The parking rules of a snow emergency, and what they mean at one spot. Pure: no database, no clock of its own.

An emergency has *phases*; a phase has a start, an end, and *bans*: on routes of a class, on all routes, or on the other
streets; on both sides of the street or on that of the odd or even house numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal, get_args

Side = Literal["odd", "even"]
Sides = Literal["both", "odd", "even"]
ROUTES, OTHERS = "*", ""  # all routes; the streets that are none
SIDES: tuple[Side, ...] = get_args(Side)
# Of the reader's own street `here` (a route), `street`, `odd`, `even`; in public each says of which streets it is.
Rule = Literal[
    "here", "street", "odd", "even",
    "routes", "routes_odd", "routes_even", "others", "others_odd", "others_even",
]  # fmt: skip
OWN: Mapping[bool, tuple[Rule, Rule, Rule]] = {True: ("here", "odd", "even"), False: ("street", "odd", "even")}
PUBLIC: Mapping[bool, tuple[Rule, Rule, Rule]] = {
    True: ("routes", "routes_odd", "routes_even"),
    False: ("others", "others_odd", "others_even"),
}  # by whether the street is a route: of both sides, of the odd one, of the even one


class Wrong(Exception):
    """Phases that are no rule. `args`: what is wrong, one of the constants below, and the number of the phase."""


ENDS_FIRST, NO_BAN, NONE, OVERLAP = "ends first", "no ban", "none", "overlap"


@dataclass(frozen=True, slots=True)
class Ban:
    """`where`: a class of routes, ROUTES or OTHERS."""

    where: str
    sides: Sides = "both"

    def covers(self, spot: "Spot", side: Side) -> bool:
        on_route = spot.route_class is not None
        there = not on_route if self.where == OTHERS else on_route and self.where in {ROUTES, spot.route_class}
        return there and self.sides in {"both", side}


@dataclass(frozen=True, slots=True)
class Phase:
    """From `starts` until before `ends`; times have a zone."""

    starts: datetime
    ends: datetime
    bans: tuple[Ban, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place at the curb. `route_class`: of the route that the street is, "" for a route without a class, None for a
    street that is no route. `number`: of the house, None if nobody knows the side."""

    route_class: str | None
    number: int | None = None

    @property
    def side(self) -> Side | None:
        return None if self.number is None else "odd" if self.number % 2 else "even"


@dataclass(frozen=True, slots=True)
class Window:
    """A time without parking. Phases that follow each other without a gap are one."""

    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class SideNow:
    """Whether one may park on a side now, and until when that is so; None: no end is known."""

    may_park: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """`own`: the side of the house, None if its number is not known. `over`: nothing is forbidden here now or later."""

    sides: Mapping[Side, SideNow]
    own: Side | None

    @property
    def verdict(self) -> Literal["yes", "no", "one side"]:
        """Of the own side, or of the street where that is not known."""
        may = {self.sides[side].may_park for side in ((self.own,) if self.own else SIDES)}
        return "one side" if len(may) == 2 else "yes" if may == {True} else "no"

    @property
    def until(self) -> datetime | None:
        """Until when a car may stand, where the verdict is yes: of the street, until the first side is forbidden."""
        ends = [self.sides[side].until for side in ((self.own,) if self.own else SIDES)]
        return min((at for at in ends if at is not None), default=None) if self.verdict == "yes" else None

    @property
    def other_is_free(self) -> bool:
        """Whether the car may stand across the street for as long as it may not here."""
        if self.own is None or self.sides[self.own].may_park:
            return False
        here, there = self.sides[self.own], self.sides["odd" if self.own == "even" else "even"]
        return there.may_park and (there.until is None or (here.until is not None and there.until >= here.until))


def check(phases: Sequence[Phase]) -> None:
    """Raise Wrong for phases that end before they begin, forbid nothing, or begin before the one before them."""
    if not phases:
        raise Wrong(NONE, 0)
    for number, phase in enumerate(phases, 1):
        if phase.ends <= phase.starts:
            raise Wrong(ENDS_FIRST, number)
        if not phase.bans:
            raise Wrong(NO_BAN, number)
    for number, (one, after) in enumerate(pairwise(phases), 2):
        if after.starts < one.starts:
            raise Wrong(OVERLAP, number)


def windows(phases: Iterable[Phase], spot: Spot, side: Side) -> list[Window]:
    """Return when one may not park on a side of a spot, in order."""
    found: list[Window] = []
    for phase in sorted(phases, key=lambda one: one.starts):
        if not any(ban.covers(spot, side) for ban in phase.bans):
            continue
        if found and phase.starts <= found[-1].ends:
            found[-1] = Window(found[-1].starts, max(found[-1].ends, phase.ends))
        else:
            found.append(Window(phase.starts, phase.ends))
    return found


def answer(phases: Sequence[Phase], spot: Spot, now: datetime) -> Answer:
    """Return whether a car may stand at a spot now, on each side."""
    return Answer({side: _now(windows(phases, spot, side), now) for side in SIDES}, spot.side)


def _now(forbidden: Sequence[Window], now: datetime) -> SideNow:
    ahead = [one for one in forbidden if one.ends > now]
    if not ahead:
        return SideNow(True, None)
    first = ahead[0]
    return SideNow(False, first.ends) if first.starts <= now else SideNow(True, first.starts)


@dataclass(frozen=True, slots=True)
class Told:
    """A window as a message tells it. `rule`: the value of the template's blank of that name."""

    rule: Rule
    starts: datetime
    ends: datetime


def told(phases: Sequence[Phase], classes: Iterable[str], *, others: bool) -> list[Told]:
    """Return what a resident is told of their own street, in order: of routes of these classes, and of `others`.

    Who lives at a corner of both is told of both.
    """
    found: list[Told] = []
    for route_class in sorted(set(classes)):
        found += _told(phases, Spot(route_class), OWN)
    if others:
        found += _told(phases, Spot(None), OWN)
    return in_order(found)


def in_order(told: Iterable[Told]) -> list[Told]:
    """Return each once, the first ones first, and of those that begin together what forbids both sides."""
    return sorted(dict.fromkeys(told), key=lambda one: (one.starts, one.rule.endswith(SIDES), one.ends))


def told_in_public(phases: Sequence[Phase]) -> list[Told]:
    """Return what everybody is told: of the routes, whatever their class, and of the other streets."""
    classes = {ban.where for phase in phases for ban in phase.bans if ban.where not in {ROUTES, OTHERS}} or {""}
    routes = [one for route_class in sorted(classes) for one in _told(phases, Spot(route_class), PUBLIC)]
    found = [*routes, *_told(phases, Spot(None), PUBLIC)]
    return in_order(found)


def _told(phases: Sequence[Phase], spot: Spot, said: Mapping[bool, tuple[Rule, Rule, Rule]]) -> list[Told]:
    on_both, on_odd, on_even = said[spot.route_class is not None]
    odd, even = (windows(phases, spot, side) for side in SIDES)
    shared = [Told(on_both, one.starts, one.ends) for one in odd if one in even]
    one_side = [Told(on_odd, one.starts, one.ends) for one in odd if one not in even]
    one_side += [Told(on_even, one.starts, one.ends) for one in even if one not in odd]
    return shared + one_side


def to_json(phases: Iterable[Phase]) -> list[dict[str, Any]]:
    return [
        {
            "starts": phase.starts.isoformat(),
            "ends": phase.ends.isoformat(),
            "bans": [{"where": ban.where, "sides": ban.sides} for ban in phase.bans],
        }
        for phase in phases
    ]


def from_json(stored: Iterable[Mapping[str, Any]]) -> tuple[Phase, ...]:
    return tuple(
        Phase(
            datetime.fromisoformat(one["starts"]),
            datetime.fromisoformat(one["ends"]),
            tuple(Ban(ban["where"], ban["sides"]) for ban in one["bans"]),
        )
        for one in stored
    )
