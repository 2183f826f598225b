"""Times, days, durations, numbers and phones in the words of a language.

The words themselves stand in `templates/messages/<language>.toml`; a value turns into its shortest clear form
when a template prints it, and has longer ones as attributes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, model_validator


class Speech(BaseModel):
    """How a language says times and numbers. Patterns are for `str.format`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weekdays: tuple[str, ...] = Field(min_length=7, max_length=7)  # from Monday
    months: tuple[str, ...] = Field(min_length=12, max_length=12)
    am: str
    pm: str
    noon: str
    clock: str  # {hour} {minutes} {half}
    clock_at_one: str  # the same for one o'clock: "la 1", "las 2"
    moment: str  # {clock} {weekday}
    moment_full: str  # {clock} {day}
    day: str  # {weekday} {month} {number}
    days: tuple[str, str]  # one, several
    hours: tuple[str, str]
    minutes: tuple[str, str]
    join: str  # between the parts of a duration
    thousands: str
    conjunction: str  # before the last of several names
    houses: str  # {street} {first} {last}
    even_side: str  # {houses}
    odd_side: str

    @model_validator(mode="after")
    def _can_be_spoken(self) -> Self:
        try:
            for hour in (1, 9):
                str(Moment(self, datetime(2027, 1, 1, hour, 30), datetime(2027, 1, 1)))  # noqa: DTZ001 - only spoken
            _ = Moment(self, datetime(2027, 1, 1), None).full  # noqa: DTZ001 - only spoken
            _ = [self.street("Main St", 2, 8, side) for side in ("even", "odd", "both")]
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"a pattern names what there is not, {error}") from error
        return self

    def clock_time(self, at: datetime) -> str:
        if (at.hour, at.minute) == (12, 0):
            return self.noon
        hour = at.hour % 12 or 12
        pattern = self.clock_at_one if hour == 1 else self.clock
        minutes = f":{at.minute:02}" if at.minute else ""
        return pattern.format(hour=hour, minutes=minutes, half=self.am if at.hour < 12 else self.pm)

    def day_name(self, on: date) -> str:
        return self.day.format(weekday=self.weekdays[on.weekday()], month=self.months[on.month - 1], number=on.day)

    def duration(self, length: timedelta) -> str:
        minutes = round(length.total_seconds() / 60)
        sizes = (self.days, minutes // 1440), (self.hours, minutes // 60 % 24), (self.minutes, minutes % 60)
        return self.join.join(f"{n} {words[0] if n == 1 else words[1]}" for words, n in sizes if n)

    def listing(self, names: Sequence[str]) -> str:
        """`Riverside, Old Town and Docks`."""
        before, last = names[:-1], names[-1]
        return f"{', '.join(before)} {self.conjunction} {last}" if before else last

    def street(self, name: str, first: int | None, last: int | None, side: str) -> str:
        """A street or some of its houses, as residents say it. `side`: even, odd or both."""
        if first is None:
            houses = name
        elif last is None or first == last:
            houses = f"{first} {name}"
        else:
            houses = self.houses.format(street=name, first=min(first, last), last=max(first, last))
        pattern = {"even": self.even_side, "odd": self.odd_side}.get(side, "{houses}")
        return pattern.format(houses=houses)

    def number(self, value: int) -> str:
        return f"{value:,}".replace(",", self.thousands)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time on the city's clocks. The weekday alone is enough only for the six days that follow `now`."""

    speech: Speech
    at: datetime  # aware, in the city's time zone
    now: datetime | None

    def __str__(self) -> str:
        today = self.now.astimezone(self.at.tzinfo).date() if self.now else None
        if today is None or not 0 <= (self.at.date() - today).days <= 6:
            return self.full
        weekday = self.speech.weekdays[self.at.weekday()]
        return self.speech.moment.format(clock=self.speech.clock_time(self.at), weekday=weekday)

    @property
    def full(self) -> str:
        return self.speech.moment_full.format(
            clock=self.speech.clock_time(self.at), day=self.speech.day_name(self.at.date())
        )


def on_clocks_of(zone: ZoneInfo, at: datetime) -> datetime:
    """The time as the city's clocks show it; a time without an offset was read from those clocks.

    Raises ValueError for a time that the clocks skip when summer time begins.
    """
    if at.tzinfo is not None:
        return at.astimezone(zone)
    local = at.replace(tzinfo=zone)
    if local.astimezone(ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None) != at:
        raise ValueError(f"{at.isoformat(timespec='minutes')} does not exist: the clocks jump over it")
    return local


def phone_number(number: str) -> str:
    """+12155550123 as 215-555-0123; other countries in the international form; 311 as it is."""
    if not number.startswith("+"):
        return number
    parsed = phonenumbers.parse(number)
    form = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    written = phonenumbers.format_number(parsed, form)
    return written.removeprefix("+1 ")
