"""Holidays, rules and exceptions in words, for the staff who edit them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from babel.dates import format_skeleton, get_day_names
from babel.lists import format_list

from notify.core import translation
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.service311 import streams, zone_order
from notify.service311.outputs import words
from notify.service311.rules import DayException, Direction, Effect, Otherwise, Rule, State, Weekend


@dataclass(frozen=True, slots=True)
class Choice:
    name: str
    meaning: str = ""


EFFECTS: Mapping[Effect, Choice] = {
    Effect.SLIDE: Choice(gettext_noop("Slide"), gettext_noop(
        "The holiday's collections and those of the rest of the week move by one day for each holiday.")),
    Effect.HOLIDAY_ONLY: Choice(gettext_noop("Holiday only"), gettext_noop(
        "What is due on the holiday moves to the next day that is no holiday. Other days stay.")),
    Effect.SET_OUT: Choice(gettext_noop("Set out in the evening"), gettext_noop(
        "What is due on the holiday is set out that evening and collected the next day.")),
    Effect.MERGE: Choice(gettext_noop("Together"), gettext_noop(
        "What is due on the holiday is collected together with the next regular day, or on the last day given.")),
    Effect.SUSPEND: Choice(gettext_noop("No collection"), gettext_noop(
        "What is due on the holiday is not collected; residents keep it until the next regular day.")),
    Effect.ANNOUNCE: Choice(gettext_noop("To be announced"), gettext_noop(
        "The day will move, and nobody knows yet to when.")),
    Effect.CLOSE: Choice(gettext_noop("Closed"), gettext_noop("A drop-off site is shut that day.")),
}  # fmt: skip
DIRECTIONS: Mapping[Direction, str] = {
    Direction.LATER: gettext_noop("later"),
    Direction.EARLIER: gettext_noop("earlier"),
}
WEEKENDS: Mapping[Weekend, str] = {
    Weekend.IGNORE: gettext_noop("does nothing"),
    Weekend.AS_IT_FALLS: gettext_noop("acts as on any other day"),
    Weekend.NEAREST: gettext_noop("is kept on Friday for Saturday, on Monday for Sunday"),
    Weekend.NEXT: gettext_noop("is kept on the next weekday"),
}
OTHERWISE: Mapping[Otherwise, str] = {
    Otherwise.ANNOUNCE: gettext_noop("to be announced"),
    Otherwise.MERGE: gettext_noop("together with the next regular day"),
    Otherwise.SUSPEND: gettext_noop("no collection"),
}
WITHOUT_DATE: Mapping[State, str] = {
    State.SUSPENDED: gettext_noop("No collection"),
    State.TO_BE_ANNOUNCED: gettext_noop("Day not known yet"),
    State.CLOSED: gettext_noop("Closed"),
}


NAMED = 3  # holidays of a rule in a sentence


def weekdays() -> list[str]:
    """Return the names of the weekdays from Monday on."""
    names = get_day_names("wide", locale=translation.locale())
    return [names[n] for n in range(7)]


def date_of(at: date) -> str:
    """Return a date with weekday and year, short: `Thu, Nov 26, 2026`."""
    return format_skeleton("yMMMEd", at, locale=translation.locale())


def heading(rule: Rule) -> str:
    """Return the effect of a rule with its direction: `Slide, later`."""
    name = _(EFFECTS[rule.effect].name)
    if rule.effect in (Effect.SLIDE, Effect.HOLIDAY_ONLY):
        return f"{name}, {_(DIRECTIONS[rule.direction])}"
    return name


def named(rule: Rule) -> str:
    """Return a rule as a sentence names it: `“Slide, later” for Thanksgiving Day`."""
    holidays = [translation.translated(name) for name in sorted(rule.holidays)]
    if len(holidays) > NAMED:
        holidays[NAMED - 1 :] = [_("%(count)s more", count=len(holidays) - NAMED + 1)]
    return _("“%(effect)s” for %(holidays)s", effect=heading(rule), holidays=listed(holidays))


def details(rule: Rule, zones: Mapping[str, str]) -> list[str]:
    """Return what else a rule says, a sentence each. `zones`: names by id."""
    days = weekdays()
    lines = [_(EFFECTS[rule.effect].meaning)]
    if rule.zones is not None:
        lines.append(
            _(
                "Only in %(zones)s.",
                zones=listed(sorted((zones.get(one, one) for one in rule.zones), key=zone_order.place)),
            )
        )
    if rule.streams is not None:
        lines.append(_("Only %(streams)s.", streams=listed(map(streams.within, sorted(rule.streams)))))
    if rule.bound is not None:
        lines.append(_("It reaches no further than %(day)s.", day=days[rule.bound]))
    if rule.spill_to is not None:
        lines.append(_("The last day of collections is %(day)s.", day=days[rule.spill_to]))
    if rule.set_out_at is not None:
        lines.append(_("Set out from %(time)s on.", time=words.clock(rule.set_out_at)))
    if rule.weekend is not Weekend.IGNORE:
        lines.append(_("On a weekend it %(does)s.", does=_(WEEKENDS[rule.weekend])))
    if rule.otherwise is not Otherwise.ANNOUNCE:
        lines.append(_("Where no day is left: %(otherwise)s.", otherwise=_(OTHERWISE[rule.otherwise])))
    return lines


def exception(one: DayException, zones: Mapping[str, str]) -> str:
    """Return what an exception does, in a sentence."""
    where = zones.get(one.zone, one.zone) if one.zone else _("all zones")
    what = streams.within(one.stream) if one.stream else _("all streams")
    happens = date_of(one.moved_to) if one.moved_to else _(WITHOUT_DATE[one.state]).lower() if one.state else ""
    return _("%(day)s, %(zone)s, %(stream)s: %(happens)s", day=date_of(one.day), zone=where, stream=what,
             happens=happens)  # fmt: skip


def listed(names: Iterable[str]) -> str:
    return format_list(list(names), locale=translation.locale())
