"""The next collection days at a resident's places, as short as a text message needs them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from notify.core import translation
from notify.core.translation import gettext as _
from notify.service311 import calendars, streams
from notify.service311.calendars import Calendar, shown_on
from notify.service311.rules import Collection, State

WEEKDAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "es": ("lun", "mar", "mie", "jue", "vie", "sab", "dom"),
}
SHOWN = 2  # different calendars; more would not fit into a message
SOON = timedelta(weeks=4)  # yard waste that comes again in spring is not the next collection in November


class At(NamedTuple):
    """A place of a resident, in degrees. `address`: as it was given, for houses with days of their own."""

    called: str
    address: str
    lon: float
    lat: float
    radius_m: float = 0

    @property
    def named(self) -> str:
        return self.address or self.called


def said(s: Session, places: Iterable[At], now: datetime, language: str) -> str:
    """Return the next day of each stream at these places, `trash Mon 11/30, recycling Fri 11/27 (later)`; "" where no
    calendar has one. Places with other days are named."""
    found: dict[str, str] = {}  # the days -> the first place that has them
    with translation.speaking(language):
        for at in places:
            calendar = calendars.of_place(s, at.lon, at.lat, now, at.address)
            days = _of_place(calendar, calendars.today(now), language) if calendar else ""
            if days:
                found.setdefault(days, at.called)
    shown = list(found.items())[:SHOWN]
    return "; ".join(days if len(found) == 1 else f"{called}: {days}" for days, called in shown)


def _of_place(calendar: Calendar, today: date, language: str) -> str:
    coming = {stream: next(iter(calendar.ahead(today, stream)), None) for stream in calendar.streams}
    near = [one for one in coming.values() if one and shown_on(one) <= today + SOON]
    return ", ".join(_one(one, language) for one in sorted(near, key=lambda one: (shown_on(one), one.stream)))


def _one(one: Collection, language: str) -> str:
    mark = {
        State.ON_SCHEDULE: "",
        State.DELAYED: _("later"),
        State.MOVED_EARLIER: _("earlier"),
        State.SUSPENDED: _("no collection"),
        State.CLOSED: _("no collection"),
        State.TO_BE_ANNOUNCED: _("day not known yet"),
    }[one.state]
    return f"{streams.within(one.stream)} {_day(shown_on(one), language)}{f' ({mark})' if mark else ''}"


def _day(at: date, language: str) -> str:
    weekday = WEEKDAYS.get(language, WEEKDAYS["en"])[at.weekday()]
    return f"{weekday} {at.day}/{at.month}" if language == "es" else f"{weekday} {at.month}/{at.day}"
