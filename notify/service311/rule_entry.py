"""Read holidays, rules and exceptions as staff write them: the fields of a form, or the options of a command."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import TypeVar

from sqlalchemy.orm import Session

from notify.city import zones as city_zones
from notify.core.characters import visible
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.service311.calendars import KIND
from notify.service311.rules import DayException, Direction, Effect, Otherwise, Rule, State, Weekend
from notify.service311.schedule_rows import weekday
from notify.service311.streams import STREAMS

MOST_NAMES = 40  # of holidays in one rule
LONGEST_NAME = 80
EFFECTS = ", ".join(Effect)
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class RuleForm:
    """`zones`: ids or names; none for all, as with `streams`. `bound`, `spill_to`: a weekday, 0 for Monday or its name,
    "" for the usual. `set_out_at`: 18:00."""

    holidays: Sequence[str] = ()
    effect: str = ""
    direction: str = Direction.LATER
    zones: Sequence[str] = ()
    streams: Sequence[str] = ()
    bound: str = ""
    spill_to: str = ""
    weekend: str = Weekend.IGNORE
    otherwise: str = Otherwise.ANNOUNCE
    set_out_at: str = ""


@dataclass(frozen=True, slots=True)
class ExceptionForm:
    """`zone`, `stream`: "" for all. `happens`: `moved`, with `moved_to`, or the name of a state."""

    day: str = ""
    zone: str = ""
    stream: str = ""
    happens: str = "moved"
    moved_to: str = ""
    author: str = ""
    reason: str = ""


def rule(s: Session, form: RuleForm) -> Rule:
    """Return the rule that a form describes. Raises Invalid."""
    names = {name for name in map(visible, form.holidays) if name}
    if not names:
        raise Invalid(_("The rule names no holiday."), hint=_("Choose the holidays that it is for."))
    if len(names) > MOST_NAMES or max(map(len, names)) > LONGEST_NAME:
        raise Invalid(
            _("A rule names at most %(most)s holidays of %(long)s characters.", most=MOST_NAMES, long=LONGEST_NAME),
            hint=_("Make two rules of it."),
        )
    return Rule(
        frozenset(names),
        _choice(Effect, form.effect),
        _choice(Direction, form.direction),
        zones(s, form.zones),
        frozenset(map(_stream, form.streams)) or None,
        _weekday(form.bound),
        _weekday(form.spill_to),
        _choice(Weekend, form.weekend),
        _choice(Otherwise, form.otherwise),
        _time(form.set_out_at),
    )


def exception(s: Session, form: ExceptionForm) -> DayException:
    """Return the exception that a form describes. Raises Invalid."""
    moves = form.happens == "moved"
    zone = zones(s, [form.zone] if form.zone else [])
    return DayException(
        day(form.day),
        visible(form.author)[:LONGEST_NAME],
        visible(form.reason),
        next(iter(zone)) if zone else None,
        _stream(form.stream) if form.stream else None,
        day(form.moved_to) if moves or form.moved_to.strip() else None,  # both are refused
        None if moves else _choice(State, form.happens),
    )


def form_of_rule(one: Rule) -> RuleForm:
    """Return a rule as a form that can be changed."""
    return RuleForm(
        sorted(one.holidays),
        one.effect,
        one.direction,
        sorted(one.zones or ()),
        sorted(one.streams or ()),
        "" if one.bound is None else str(one.bound),
        "" if one.spill_to is None else str(one.spill_to),
        one.weekend,
        one.otherwise,
        f"{one.set_out_at:%H:%M}" if one.set_out_at else "",
    )


def form_of_exception(one: DayException) -> ExceptionForm:
    """Return an exception as a form that can be changed."""
    new = one.moved_to.isoformat() if one.moved_to else ""
    happens = one.state.value if one.state else "moved"
    return ExceptionForm(one.day.isoformat(), one.zone or "", one.stream or "", happens, new, one.author, one.reason)


def dates(given: str) -> list[date]:
    """Return the dates that stand in a text, one after another. Raises Invalid."""
    return [day(one) for one in re.split(r"[\s,;]+", given) if one]


def day(given: str) -> date:
    try:
        return date.fromisoformat(given.strip())
    except ValueError:
        raise Invalid(_("%(given)s is not a date.", given=repr(given)), hint=_("Write it like 2027-01-04.")) from None


def zones(s: Session, given: Sequence[str]) -> frozenset[str] | None:
    """Return the ids of collection zones, as the engine has them; None for none. Raises Invalid for one that is not."""
    there = {str(one.zone.id): one.zone.name for one in city_zones.all_zones(s, KIND)}
    by_name = {name.casefold(): zone_id for zone_id, name in there.items()}
    found = set()
    for one in filter(None, map(visible, given)):
        zone_id = by_name.get(one.casefold(), one)
        if zone_id not in there:
            raise Invalid(
                _("There is no collection zone %(zone)s.", zone=repr(one)), hint=_("Choose one of the zones.")
            )
        found.add(zone_id)
    return frozenset(found) or None


def _choice(kind: type[Choice], given: str) -> Choice:
    try:
        return kind(given)
    except ValueError:
        raise Invalid(
            _("%(given)s is not one of the choices.", given=repr(given)),
            hint=_("Choose one of: %(known)s.", known=", ".join(kind)),
        ) from None


def _stream(given: str) -> str:
    if given not in STREAMS:
        raise Invalid(
            _("%(given)s is not one of the choices.", given=repr(given)),
            hint=_("Choose one of: %(known)s.", known=", ".join(STREAMS)),
        )
    return given


def _weekday(given: str) -> int | None:
    if not given.strip():
        return None
    found = int(given) if given in "0123456" and len(given) == 1 else weekday(given.strip().casefold())
    if found < 0:
        raise Invalid(_("%(given)s is not a weekday.", given=repr(given)), hint=_("Choose one of the days."))
    return found


def _time(given: str) -> time | None:
    try:
        return time.fromisoformat(given.strip()).replace(tzinfo=None) if given.strip() else None
    except ValueError:
        raise Invalid(_("%(given)s is not a time.", given=repr(given)), hint=_("Write it like 18:00.")) from None
