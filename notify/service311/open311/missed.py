"""May a missed collection be reported here now? Pure: from the collections of the address and the city's clock.

A city refuses a report of a day that it suspended, and takes one only from a certain time on (New York: from 8 AM the
next day, portal.311.nyc.gov KA-02031), so the desk looks before it files.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from notify.service311.open311.reading import Service
from notify.service311.rules import Collection, State

REPORT_AT = time(18)  # when trucks are back (South Bend, KA-04542)
NOON, NEXT_MORNING = time(12), time(8)
BACK = timedelta(days=7)  # a report is about the last week
STREAM_WORDS = {
    "recycling": ("recycl",),
    "yard": ("yard", "leaf", "leaves", "garden"),
    "bulky": ("bulk",),
    "organics": ("organic", "compost", "food"),
    "trash": ("trash", "garbage", "rubbish", "refuse"),
}
ANY_STREAM = ("waste", "collection", "pickup", "pick up", "pick-up")  # trash, where no stream is named


@dataclass(frozen=True, slots=True)
class Answer:
    """`about`: the collection in question, None for none. `next`: when the stream comes next, None for nobody knows."""

    verdict: Literal["may", "suspended", "not yet", "announced", "none"]
    about: Collection | None
    accepted_from: datetime | None = None
    next: date | None = None


def streams_of(service: Service) -> frozenset[str]:
    """Return the streams that a service takes missed collections of; none if it is about something else. Services have
    no field that says so: it is read from the words of their name, keywords and group."""
    said = " ".join((service.name, service.code, *service.keywords, service.group)).casefold()
    if "miss" not in said and "not collected" not in said:
        return frozenset()
    named = frozenset(stream for stream, words in STREAM_WORDS.items() if any(word in said for word in words))
    return named or frozenset({"trash"} if any(word in said for word in ANY_STREAM) else ())


def best(answers: Iterable[Answer]) -> Answer:
    """Return the answer of a service for several streams: what may be reported of any of them may be filed."""
    order = ("may", "not yet", "announced", "suspended", "none")
    return min(answers, key=lambda one: order.index(one.verdict))


def answer(
    collections: Iterable[Collection], stream: str, now: datetime, report_at: time = REPORT_AT, days_after: int = 0
) -> Answer:
    """Return whether a missed collection of a stream may be reported. `now`: on the city's clock. A report is accepted
    from `report_at`, `days_after` days after the day of the truck."""
    today = now.date()
    ours = sorted((one for one in collections if one.stream == stream), key=lambda one: one.nominal)
    coming = next((one.effective for one in ours if one.effective and one.effective > today), None)
    due = [one for one in ours if _first(one) <= today and _last(one) >= today - BACK]
    if not due:
        return Answer("none", None, next=coming)
    last = due[-1]
    if last.state is State.TO_BE_ANNOUNCED:
        return Answer("announced", last, next=coming)
    if last.effective is None:
        return Answer("suspended", last, next=coming)
    opens = opens_at(last, report_at, days_after)
    assert opens is not None  # noqa: S101  it has a day
    opens = opens.replace(tzinfo=now.tzinfo)
    return Answer("may" if now >= opens else "not yet", last, opens, coming)


def opens_at(one: Collection, report_at: time = REPORT_AT, days_after: int = 0) -> datetime | None:
    """Return from when a resident may report that a collection was missed, on the city's clocks; None without a day.

    What is set out only in the course of the day is fetched until late, so it is reported the next morning.
    """
    if one.effective is None:
        return None
    if one.set_out is not None and one.set_out.day == one.effective and one.set_out.at >= NOON:
        return max(
            datetime.combine(one.effective + timedelta(days=1), NEXT_MORNING),
            datetime.combine(one.effective + timedelta(days=days_after), report_at),
        )
    return datetime.combine(one.effective + timedelta(days=days_after), report_at)


def _first(one: Collection) -> date:
    return min(one.nominal, one.effective or one.nominal)


def _last(one: Collection) -> date:
    return max(one.nominal, one.effective or one.nominal)
