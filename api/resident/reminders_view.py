"""What a resident's page shows of reminders of collections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy.orm import Session

from notify.core import translation
from notify.core.quiet_time import QuietHours
from notify.core.settings import settings
from notify.service311 import calendars
from notify.service311.outputs.words import clock
from notify.service311.reminders import asking, next_evenings, readers, wishes
from notify.service311.reminders.wishes import Wish
from notify.subscribers import choices


@dataclass(frozen=True, slots=True)
class RemindersView:
    """`published`: the city has collection days. `until`: the last day of which a notice reminds them; None for none.
    `evenings`: on which one will, at `evening_at`. `refused`: they want none at all. `quiet`: their quiet hours, in
    words, if an hour can be chosen in them; None else.
    `wish`: None without reminders; `at`: its hour in words, "" else. `agree`: of each channel on which they can have
    some, what they agree to. `hours`: number and words. `chosen`: hour and channel that the form shows."""

    published: bool
    until: date | None
    evenings: Sequence[date]
    evening_at: str
    refused: bool
    quiet: tuple[str, str] | None
    today: date
    wish: Wish | None
    at: str
    agree: Mapping[str, str]
    hours: Sequence[tuple[int, str]]
    chosen: tuple[int, str]


def view(s: Session, subscriber_id: int, now: datetime) -> RemindersView:
    now_is, channels = wishes.current(s, subscriber_id, now), wishes.channels(s, subscriber_id)
    wish = now_is if now_is and now_is.until is None else None
    first = channels[0] if channels else ""
    return RemindersView(
        calendars.current(s) is not None,
        now_is.until if now_is else None,
        next_evenings.of(s, subscriber_id, now),
        clock(time(readers.HOUR)),
        wishes.refused(s, subscriber_id),
        _quiet(choices.read(s, subscriber_id, now).quiet or settings().quiet),
        calendars.today(now),
        wish,
        clock(time(wish.hour)) if wish else "",
        {one: asking.words(one, translation.language()) for one in channels},
        asking.hours(),
        (wish.hour, wish.channel if wish.channel in channels else first) if wish else (asking.USUAL, first),
    )


def _quiet(hours: QuietHours) -> tuple[str, str] | None:
    chosen_in_them = any(hours.include(time(hour)) for hour in wishes.HOURS)
    return (clock(hours.begin), clock(hours.end)) if chosen_in_them else None
