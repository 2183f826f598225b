"""The words of a change: old and new day of each collection."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

from babel.lists import format_list

from notify.channels.channel import SMS
from notify.core import translation
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.delivery.reminder_places import PLACES
from notify.service311 import streams
from notify.service311.outputs.words import clock
from notify.service311.reminders import words
from notify.service311.reminders.changes import Change, Status
from notify.service311.reminders.wishes import spoken
from notify.service311.reminders.words import Words
from notify.service311.rules import SetOut

Changes = tuple[Change, ...]


def change(edition: int, by_place: Mapping[int, Changes], language: str, letter: bool, *, asked: bool) -> Words:
    """Return the words of what an edition changes at some places, whose addresses stand in them in this order. `asked`:
    as in `words.evening`."""
    return _change(edition, tuple(by_place.values())[: len(PLACES)], spoken(language), letter, asked)


@lru_cache(maxsize=10_000)
def _change(edition: int, places: tuple[Changes, ...], language: str, letter: bool, asked: bool) -> Words:
    with speaking(language):
        alike: dict[Changes, list[str]] = {}
        for number, changes in enumerate(places):
            alike.setdefault(changes, []).append(PLACES[number])
        told = "; ".join(_told(changes, at) for changes, at in alike.items())
        if letter:
            said = _("Changed: %(what)s.", what=told)
            return Words(_("A collection day has changed"), words.as_letter(said, edition, asked=asked))
        said = _("CHANGED: %(what)s.", what=told)
        end = _("Edition %(edition)s. Reply REMIND OFF to end.", edition=edition)
        return Words("", SMS.written(f"{settings().program}: {said} {end}"))


def _told(changes: Changes, at: Sequence[str]) -> str:
    locale = translation.locale()
    by_days: dict[tuple[Status | None, Status], list[str]] = {}
    for one in changes:
        by_days.setdefault((one.old, one.new), []).append(streams.within(one.stream))
    place = format_list(list(at), locale=locale)
    parts = []
    for (old, new), names in by_days.items():
        what = _("%(what)s at %(place)s", what=format_list(list(dict.fromkeys(names)), locale=locale), place=place)
        parts.append(f"{what}: {_days(old, new)}")
    return "; ".join(parts)


def _days(old: Status | None, new: Status) -> str:
    was = words.short_day(old.day) if old and old.day else ""
    if new.what == "unknown":
        return _("not %(old)s, the new day is not known yet", old=was) if was else _("the new day is not known yet")
    if new.day is None:
        return _("not %(old)s, no collection", old=was) if was else _("no collection")
    now = words.short_day(new.day)
    if old and old.day == new.day:
        return _same_day(new.day, new.set_out) if new.set_out else now
    return _("not %(old)s but %(new)s", old=was, new=now) if was else _("collected %(new)s", new=now)


def _same_day(day: date, out: SetOut) -> str:
    named = {"day": words.short_day(day), "time": clock(out.at)}
    if out.day == day:
        return _("%(day)s, set out by %(time)s", **named)
    return _("%(day)s, set out on %(eve)s from %(time)s", eve=words.short_day(out.day), **named)
