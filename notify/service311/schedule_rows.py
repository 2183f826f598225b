"""Read the row of a file as schedules, or say what is wrong with it and what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta

from notify.service311.streams import STREAMS
from zones.files.rowfile import ScheduleRow

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Of the cells of a row, which may lack some.
MEANINGS = ("zone", "address", "stream", "weekdays", "week", "first", "season", "set_out", "dates")
MOST_DATES = 400
SET_OUT = "before 18:00"  # where neither the file nor the import says it
_EVERY = {"", "every", "weekly", "all", "both", "ab", "a/b", "a&b"}
_SEASON = re.compile(r"(\d\d)-(\d\d) *(?:\.\.|to) *(\d\d)-(\d\d)")
_SET_OUT = re.compile(r"(before )?([01]?\d|2[0-3]):([0-5]\d)")
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?")  # what a date becomes in some formats


class Refused(Exception):
    """The row cannot be used. The text is the reason, and what to do."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is said of all rows of a file. `fixed`: by meaning, for rows without it. `week_a`: a date in an A week."""

    fixed: Mapping[str, str] = field(default_factory=dict)
    week_a: date | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """When a stream is collected, as it is stored (`CollectionSchedule`)."""

    weekdays: tuple[int, ...]
    every_weeks: int
    anchor: date | None
    season: tuple[int, int] | None
    set_out_before: int
    set_out_at: time
    listed: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row: `zone` or `address` as it is written, its streams and their pattern."""

    number: int
    zone: str
    address: str
    streams: tuple[str, ...]
    pattern: Pattern


def read(row: ScheduleRow, given: Given) -> Wanted:
    """Return what a row says. Raises Refused."""
    cells = {meaning: row.cells.get(meaning) or given.fixed.get(meaning, "") for meaning in MEANINGS}
    zone, address = cells["zone"], cells["address"]
    if not (zone or address):
        raise Refused("zone: there is none. Write a zone, or an address.")
    streams, listed = _streams(cells["stream"]), _dates(cells["dates"])
    weekdays = () if listed and not cells["weekdays"] else _weekdays(cells["weekdays"])
    if not weekdays and (cells["week"] or cells["first"] or cells["season"]):
        raise Refused("weekdays: there is none, but a week, a first date or a season. Write it, or dates alone.")
    pattern = Pattern(weekdays, 1, None, _season(cells["season"]), *_set_out(cells["set_out"] or SET_OUT), listed)
    return Wanted(row.number, "" if address else zone, address, streams, _weeks(pattern, cells, given))


def _streams(cell: str) -> tuple[str, ...]:
    words = [word for word in re.split(r"[,;/&+]| and ", cell.casefold()) if word.strip()]
    known = {alias: name for name, stream in STREAMS.items() for alias in (name, *stream.also)}
    found = [known.get(word.strip()) for word in words]
    if not found:
        raise Refused("stream: there is none. Map a column, or say it for all rows: --set stream=trash.")
    if None in found:
        raise Refused(f"stream: {cell!r} is not one. Write {', '.join(STREAMS)}.")
    return tuple(dict.fromkeys(one for one in found if one))


def _weekdays(cell: str) -> tuple[int, ...]:
    words = [word for word in re.split(r"[,;/&+. ]+|\band\b", cell.casefold()) if word]
    found = [weekday(word) for word in words]
    if not found:
        raise Refused("weekdays: there is none. Map a column, or say it for all rows: --set weekdays=Monday.")
    if -1 in found:
        raise Refused(f"weekdays: {cell!r} is not one. Write them in full, such as Monday, Thursday.")
    return tuple(sorted(set(found)))


def weekday(word: str) -> int:
    """Return the weekday that a word begins, with two letters at least; -1 for none. A number would be read in two
    ways: the week begins on Sunday in some cities."""
    word = word.removesuffix("s") if len(word) > 5 else word
    fits = [day for day, name in enumerate(WEEKDAYS) if len(word) > 1 and name.startswith(word)]
    return fits[0] if len(fits) == 1 else -1


def _season(cell: str) -> tuple[int, int] | None:
    if not cell:
        return None
    found = _SEASON.fullmatch(cell)
    try:
        ends = [int(part) for part in found.groups()] if found else []
        for month, day in zip(ends[::2], ends[1::2], strict=True):
            date(2024, month, day)  # a leap year: a season may end with February
        return ends[0] * 100 + ends[1], ends[2] * 100 + ends[3]
    except (ValueError, IndexError):
        raise Refused(f"season: {cell!r} is not one. Write it like 04-01..11-30: month and day of both ends.") from None


def _set_out(cell: str) -> tuple[int, time]:
    found = _SET_OUT.fullmatch(cell.casefold())
    if not found:
        raise Refused(f"set_out: {cell!r} is not a time. Write 06:00 for the day itself, or before 18:00.")
    return int(bool(found[1])), time(int(found[2]), int(found[3]))


def _weeks(pattern: Pattern, cells: Mapping[str, str], given: Given) -> Pattern:
    """Return the pattern with its weeks: A or B by the date of an A week, or by the base date of the row."""
    first = _date(cells["first"])
    if first is not None and first.weekday() not in pattern.weekdays:
        days = ", ".join(WEEKDAYS[day].capitalize() for day in pattern.weekdays)
        raise Refused(
            f"first: {first} is a {WEEKDAYS[first.weekday()].capitalize()}, but the day is {days}. Correct one of both."
        )
    letter = re.sub(r"^(week|zone|cycle)\s*", "", cells["week"].casefold()).strip()
    if letter in _EVERY:
        return pattern
    if letter not in {"a", "b"}:
        raise Refused(f"week: {cells['week']!r} is not A or B. Leave it empty where it is every week.")
    if given.week_a is None and first is None:
        raise Refused(
            f"week: it is {letter.upper()}, but nothing says which weeks these are."
            " Give --week-a DATE, a date in an A week; or a column first, with the date of a collection."
        )
    if given.week_a is None:
        return replace(pattern, every_weeks=2, anchor=first)
    if given.week_a.weekday() == 6:
        raise Refused(
            f"week: --week-a {given.week_a} is a Sunday, which ends a week for some and begins it for others."
            " Give another day of an A week."
        )
    anchor = given.week_a + timedelta(weeks=letter == "b")
    if first is not None and (_monday(first) - _monday(anchor)).days % 14:
        week = f"a week {letter.upper()} by --week-a {given.week_a}"
        raise Refused(f"first: {first} is not in {week}. Correct one of both.")
    on_day = _monday(anchor) + timedelta(days=pattern.weekdays[0])  # the engine counts from a date of collection
    return replace(pattern, every_weeks=2, anchor=first or on_day)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _dates(cell: str) -> tuple[date, ...]:
    """Return dates that no rhythm gives, such as eight of a yard-waste truck: `2027-04-09 2027-05-14`."""
    found = {_date(one, "dates") for one in re.split(r"[,; ]+", cell) if one}
    if len(found) > MOST_DATES:
        raise Refused(f"dates: there are {len(found)}, more than {MOST_DATES}. Give a weekday instead, or fewer years.")
    return tuple(sorted(one for one in found if one))


def _date(cell: str, meaning: str = "first") -> date | None:
    if not cell:
        return None
    try:
        found = date.fromisoformat(cell[:10].replace("/", "-"))
        if cell[10:] and not _MIDNIGHT.fullmatch(cell[10:]):
            raise ValueError(cell)
        return found
    except ValueError:
        raise Refused(f"{meaning}: {cell!r} is not a date. Write it like 2027-01-04.") from None
