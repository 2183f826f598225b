"""One line for each stream of a caller's address: what is due now, what has moved, and from when a miss is reported.

Pure: no database, no clock. `now` is the time on the city's clocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from notify.core.translation import gettext as _
from notify.service311 import streams
from notify.service311.open311.missed import BACK, opens_at
from notify.service311.outputs import words
from notify.service311.rules import Collection, State


class Miss(StrEnum):
    """Whether a miss may be reported."""

    NOW = "now"
    LATER = "later"  # the truck may still come
    NONE = "none"  # nothing was due, or the city has called it off


@dataclass(frozen=True, slots=True)
class DayLine:
    """`text`: the sentence that an agent reads aloud. `about`: the collection that it is about, None if there is
    none."""

    stream: str
    text: str
    miss: Miss
    about: Collection | None = None


def lines(collections: Sequence[Collection], now: datetime) -> list[DayLine]:
    """Return a line for each stream of an address, in the order of the streams' next days."""
    by_stream: dict[str, list[Collection]] = {}
    for one in sorted(collections, key=lambda one: one.effective or one.nominal):
        by_stream.setdefault(one.stream, []).append(one)
    made = [_line(stream, of_stream, now) for stream, of_stream in by_stream.items()]
    return sorted(made, key=lambda line: (line.about.effective or line.about.nominal) if line.about else date.max)


def _line(stream: str, of_stream: Sequence[Collection], now: datetime) -> DayLine:
    """Today's first; else what was due in the last days, if it can be reported; else the next one."""
    today = now.date()
    following = next((one for one in of_stream if (one.effective or one.nominal) > today), None)
    for one in of_stream:
        if today in (one.nominal, one.effective):
            return _today(stream, one, following, now)
    recent = [one for one in of_stream if today - BACK <= (one.effective or one.nominal) < today]
    if recent:
        return _recent(stream, recent[-1], following, now)
    if following is None:
        return DayLine(stream, _("%(stream)s: no day is known.", stream=streams.name(stream)), Miss.NONE)
    return DayLine(stream, f"{streams.name(stream)}: {_next(following, now.date())}", Miss.NONE, following)


def _today(stream: str, one: Collection, following: Collection | None, now: datetime) -> DayLine:
    name, today = streams.name(stream), now.date()
    if one.effective is None:
        told = _("%(stream)s: not collected today.", stream=name)
        return DayLine(stream, f"{told} {words.why(one)} {_no_miss(one)}", Miss.NONE, one)
    if one.effective > today:
        told = _("%(stream)s: due today; delayed until %(day)s.", stream=name, day=words.day(one.effective, today))
        return DayLine(stream, f"{told} {_because(one)}{_report(one, now)}", Miss.LATER, one)
    if one.effective < today:
        told = _("%(stream)s: not today; it was collected on %(day)s.", stream=name, day=words.day(one.effective))
        return DayLine(stream, f"{told} {_because(one)}{_report(one, now)}", _miss(one, now), one)
    told = _("%(stream)s: due today.", stream=name)
    moved = f"{words.why(one)} " if one.state is not State.ON_SCHEDULE else ""
    then = f" {_next(following, now.date())}" if following is not None else ""
    return DayLine(stream, f"{told} {moved}{_report(one, now)}{then}", _miss(one, now), one)


def _recent(stream: str, one: Collection, following: Collection | None, now: datetime) -> DayLine:
    name = streams.name(stream)
    then = f" {_next(following, now.date())}" if following is not None else ""
    if one.effective is None:
        told = _("%(stream)s: not collected on %(day)s.", stream=name, day=words.day(one.nominal))
        return DayLine(stream, f"{told} {words.why(one)} {_no_miss(one)}", Miss.NONE, one)
    told = _("%(stream)s: was due on %(day)s.", stream=name, day=words.day(one.effective))
    return DayLine(stream, f"{told} {_because(one)}{_report(one, now)}{then}", _miss(one, now), one)


def _next(one: Collection, today: date) -> str:
    if one.effective is None:
        told = _("Not on %(day)s.", day=words.day(one.nominal, today))
    else:
        told = _("Next on %(day)s.", day=words.day(one.effective, today))
    return f"{told} {words.why(one)}".rstrip()


def _because(one: Collection) -> str:
    said = words.why(one)
    return f"{said} " if said else ""


def _miss(one: Collection, now: datetime) -> Miss:
    begins = opens_at(one)
    if begins is None:
        return Miss.NONE
    return Miss.NOW if now.replace(tzinfo=None) >= begins else Miss.LATER


def _report(one: Collection, now: datetime) -> str:
    begins = opens_at(one)
    assert begins is not None  # noqa: S101  it has a day
    if now.replace(tzinfo=None) >= begins:
        return _("A miss can be reported now.")
    if begins.date() == now.date():
        return _("A miss can be reported after %(time)s.", time=words.clock(begins.time()))
    return _(
        "A miss can be reported on %(day)s, after %(time)s.",
        day=words.day(begins.date()), time=words.clock(begins.time()),
    )  # fmt: skip


def _no_miss(one: Collection) -> str:
    if one.state is State.TO_BE_ANNOUNCED:
        return _("No miss can be reported before the new day.")
    return _("The city has called it off: no miss can be reported.")
