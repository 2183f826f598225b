"""The words of a reminder. For the addresses in them stand `reminder_places.PLACES`, until it is sent."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from babel.dates import format_skeleton
from babel.lists import format_list

from notify.channels.channel import SMS
from notify.content.compose import UNSUBSCRIBE_URL
from notify.core import translation
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.delivery.reminder_places import PLACES
from notify.service311 import streams
from notify.service311.outputs.words import clock
from notify.service311.outputs.words import day as long_day
from notify.service311.reminders.due import AtPlace, Fact
from notify.service311.reminders.wishes import spoken
from notify.service311.rules import SetOut

Facts = tuple[Fact, ...]


class Words(NamedTuple):
    """`subject`: "" for a text message."""

    subject: str
    text: str


def evening(day: date, edition: int, said: Sequence[AtPlace], language: str, letter: bool, *, asked: bool) -> Words:
    """Return the words about the collections of tomorrow. `letter`: as an email, and not as a text message. `asked`:
    the reader wants reminders, and did not only get a notice."""
    return _evening(day, edition, tuple(at.facts for at in said), spoken(language), letter, asked)


def named(places: Sequence[AtPlace]) -> list[int]:
    """Return whose addresses stand in the words: as many as there are stand-ins, in their order."""
    return [at.place for at in places[: len(PLACES)]]


@lru_cache(maxsize=10_000)  # most residents of a zone read the same
def _evening(day: date, edition: int, places: tuple[Facts, ...], language: str, letter: bool, asked: bool) -> Words:
    with speaking(language):
        out = _set_out_together(places)
        told = "; ".join(_told(facts, numbers, out is None) for facts, numbers in _alike(places))
        known, on = settings(), long_day(day) if letter else short_day(day)
        said = _("tomorrow, %(day)s: %(what)s.", day=on, what=told)
        if out:
            said = f"{said} {_set_out(out, day)}"
        if letter:
            subject = _("Collections tomorrow, %(day)s", day=on)
            return Words(subject, as_letter(f"{said[:1].upper()}{said[1:]}", edition, asked=asked))
        end = _("Edition %(edition)s. Reply REMIND OFF to end.", edition=edition)
        return Words("", SMS.written(f"{known.program}: {said} {end}"))


def as_letter(said: str, edition: int, *, asked: bool) -> str:
    """Return an email that says this, with why it comes and how to end it."""
    known = settings()
    named = {"program": known.program, "edition": edition, "me": f"{known.public_url}/me"}
    if asked:
        why = _(
            "%(program)s sends this because you asked to be reminded. It is edition %(edition)s of the calendar. Other"
            " hours, or no more reminders: %(me)s",
            **named,
        )
    else:
        why = _(
            "%(program)s sends this because a notice to you changed a collection day. It is edition %(edition)s of the"
            " calendar. A reminder of each collection, or no more reminders: %(me)s",
            **named,
        )
    return "\n\n".join((said, why, _("Stop these emails: %(link)s", link=UNSUBSCRIBE_URL)))


def _alike(places: Sequence[Facts]) -> list[tuple[Facts, list[int]]]:
    """Return different facts with the numbers of their places."""
    found: dict[Facts, list[int]] = {}
    for number, facts in enumerate(places[: len(PLACES)]):
        found.setdefault(facts, []).append(number)
    return list(found.items())


def _told(facts: Facts, numbers: Sequence[int], each_set_out: bool) -> str:
    locale = translation.locale()
    at = format_list([PLACES[number] for number in numbers], locale=locale)
    due: dict[str, list[str]] = {}
    not_due: dict[Fact, list[str]] = {}
    for one in facts:
        name = streams.within(one.stream)
        if one.what == "due":
            due.setdefault(_marks(one, each_set_out), []).append(name)
        else:  # alike: what becomes of them, and not which day it was
            not_due.setdefault(Fact("", one.what, one.nominal, one.effective), []).append(name)
    named = ((format_list(list(dict.fromkeys(names)), locale=locale), marks) for marks, names in due.items())
    parts = [f"{names} ({marks})" if marks else names for names, marks in named]
    parts += [_not_due(one, format_list(names, style="or", locale=locale)) for one, names in not_due.items()]
    return _("%(what)s at %(place)s", what=", ".join(parts), place=at)


def _marks(one: Fact, with_set_out: bool) -> str:
    marks = []
    if one.nominal != one.effective:
        marks.append(_("moved from %(day)s", day=short_day(one.nominal)))
    if with_set_out and one.set_out and one.effective:
        out = _set_out(one.set_out, one.effective).rstrip(".")
        marks.append(f"{out[:1].lower()}{out[1:]}")
    return ", ".join(marks)


def _not_due(one: Fact, names: str) -> str:
    if one.what == "moved" and one.effective:
        return _("no %(streams)s (moved to %(day)s)", streams=names, day=short_day(one.effective))
    if one.what == "unknown":
        return _("no %(streams)s (new day not known yet)", streams=names)
    return _("no %(streams)s", streams=names)


def _set_out_together(places: Sequence[Facts]) -> SetOut | None:
    """Return when to set out, if it is the same for all that is due."""
    times = {one.set_out for facts in places for one in facts if one.what == "due"}
    return times.pop() if len(times) == 1 else None


def _set_out(out: SetOut, day: date) -> str:
    if out.day == day:
        return _("Set out by %(time)s.", time=clock(out.at))
    if (day - out.day).days == 1:
        return _("Set out today from %(time)s.", time=clock(out.at))
    return _("Set out on %(day)s from %(time)s.", day=short_day(out.day), time=clock(out.at))


def short_day(day: date) -> str:
    """Return a date with its weekday, as short as a text message needs it."""
    return format_skeleton("MMMEd", day, locale=translation.locale())
