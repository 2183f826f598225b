"""The calendar of a zone on paper: a PDF of all dates of a year, the changes with their reasons, and the edition."""

from datetime import date
from itertools import groupby
from typing import Any

from babel.dates import format_skeleton

from notify.core import translation, typesetting
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.service311 import streams
from notify.service311.calendars import Calendar, shown_on
from notify.service311.outputs import words
from templates import COLLECTIONS

TEMPLATE = COLLECTIONS / "calendar.typ"


def pdf(calendar: Calendar, zone: str, today: date) -> bytes:
    """Return the calendar as a tagged PDF, in the reader's language, dated as its edition."""
    return typesetting.compiled(TEMPLATE, document(calendar, zone, today), calendar.edition.published_at)


def document(calendar: Calendar, zone: str, today: date) -> dict[str, Any]:
    """Return what the template shows, as texts: the days of each month with what is collected on each."""
    ahead = calendar.ahead(today)
    months = []
    for month, of_month in groupby(ahead, key=lambda one: shown_on(one).replace(day=1)):
        days = []
        for day, of_day in groupby(of_month, key=shown_on):
            ones = list(of_day)
            whys = dict.fromkeys(filter(None, (words.why(one) for one in ones)))
            days.append(
                {
                    "day": words.day(day),
                    "what": ", ".join(words.heading(one) for one in ones),
                    "why": " ".join(whys),
                }
            )
        months.append({"name": format_skeleton("yMMMM", month, locale=translation.locale()), "days": days})
    link = f"{settings().public_url}/collections"
    return {
        "city": settings().city,
        "title": _("Collection days: %(zone)s", zone=zone),
        "set_out": " ".join(_usual(calendar, today)),
        "months": months,
        "until": words.until(calendar.edition.until),
        "edition": _("Edition %(number)s, %(date)s. The newest one is at %(link)s",
                     number=calendar.edition.number, date=words.day_and_year(_published(calendar)), link=link),
        "language": translation.language(),
    }  # fmt: skip


def _published(calendar: Calendar) -> date:
    return calendar.edition.published_at.astimezone(settings().tz).date()


def _usual(calendar: Calendar, today: date) -> list[str]:
    """Return the set-out rule of each stream, said once if it is the same for all."""
    ways: dict[str, list[str]] = {}
    for stream in calendar.streams:
        one = next((each for each in calendar.ahead(today, stream) if each.set_out and each.effective), None)
        if one is not None and one.set_out is not None:
            at = words.clock(one.set_out.at)
            on_day = one.set_out.day == one.effective
            way = (_("Set out by %(time)s on the day.", time=at) if on_day
                   else _("Set out from %(time)s on, the day before.", time=at))  # fmt: skip
            ways.setdefault(way, []).append(streams.name(stream))
    if len(ways) == 1:
        return list(ways)
    return [": ".join((", ".join(names), way)) for way, names in ways.items()]
