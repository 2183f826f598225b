"""What a resident's page shows of reminders of collections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy.orm import Session

from notify.core import translation
from notify.service311 import calendars
from notify.service311.outputs.words import clock
from notify.service311.reminders import asking, wishes
from notify.service311.reminders.wishes import Wish


@dataclass(frozen=True, slots=True)
class RemindersView:
    """`published`: the city has collection days. `until`: the last day of which a notice reminds them; None for none.
    `wish`: None without reminders; `at`: its hour in words, "" else. `agree`: of each channel on which they can have
    some, what they agree to. `hours`: number and words. `chosen`: hour and channel that the form shows."""

    published: bool
    until: date | None
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
        calendars.today(now),
        wish,
        clock(time(wish.hour)) if wish else "",
        {one: asking.words(one, translation.language()) for one in channels},
        asking.hours(),
        (wish.hour, wish.channel if wish.channel in channels else first) if wish else (asking.USUAL, first),
    )
