"""What the pages of collection days show, in the reader's words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from babel.dates import format_skeleton

from notify.core import translation
from notify.service311 import streams
from notify.service311.calendars import Calendar, shown_on, today
from notify.service311.outputs import words
from notify.service311.rules import Collection, State

NEXT = 2  # of each stream


@dataclass(frozen=True, slots=True)
class Line:
    """A collection as a line. `mark` and `why`: "" on schedule; `wrong`: the address that says it is wrong."""

    day: str
    iso: str
    what: str
    mark: str
    why: str
    set_out: str
    wrong: str


def shown(calendar: Calendar, now: datetime, language: str) -> dict[str, Any]:
    """Return what a page shows of a calendar: by stream its next dates; the changes, and all dates by month."""
    day = today(now)
    ahead = calendar.ahead(day)
    by_stream: dict[str, list[Collection]] = {}
    for one in ahead:
        by_stream.setdefault(one.stream, []).append(one)

    def lines(ones: Iterable[Collection], beside: date | None = day) -> list[Line]:
        return [line(one, calendar, language, beside) for one in ones]

    return {
        "edition": calendar.edition,
        "until": words.until(calendar.edition.until),
        "soonest": [(streams.name(stream), lines(ones[:NEXT])) for stream, ones in by_stream.items()],
        "changes": lines(one for one in ahead if one.state is not State.ON_SCHEDULE),
        "months": [
            (format_skeleton("yMMMM", month, locale=translation.locale()), lines(ones, beside=None))
            for month, ones in groupby(ahead, key=lambda one: shown_on(one).replace(day=1))
        ],
        "unsure": [streams.name(stream) for stream in calendar.unsure],
    }


def line(one: Collection, calendar: Calendar, language: str, beside: date | None) -> Line:
    """`beside`: today; a date of another year has the year. None below a heading that has it."""
    on = shown_on(one)
    return Line(
        words.day(on, beside),
        on.isoformat(),
        streams.name(one.stream),
        words.state(one),
        words.why(one),
        words.set_out(one),
        _wrong(one, on, calendar, language),
    )


def _wrong(one: Collection, on: date, calendar: Calendar, language: str) -> str:
    """Return the address of the form that says this date is wrong; of the first of the zones. "" outside all zones: a
    ticket is of a zone."""
    zones = [zone_id for zone_id, _ in calendar.zones]
    if not zones:
        return ""
    zone_id = int(one.zone) if one.zone.isdecimal() and int(one.zone) in zones else zones[0]
    asked = {"zone": zone_id, "stream": one.stream, "date": on, "edition": calendar.edition.number, "lang": language}
    return f"/collections/wrong?{urlencode(asked)}"
