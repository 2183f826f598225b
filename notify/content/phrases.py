"""Times, days, durations, numbers, lists and phone numbers in the words of a language.

Babel has the words and plurals of each language (Unicode CLDR); `templates/messages/<language>.toml` has the patterns
that combine them. A template prints the shortest clear form of a value; longer forms are attributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

import phonenumbers
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit
from pydantic import BaseModel, ConfigDict, Field, model_validator

from notify.core.characters import ascii_punctuation


class Speech(BaseModel):
    """How a language combines the CLDR words for times and places. Patterns in braces are for `str.format`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    locale: str  # as CLDR names it: es_US
    clock: Mapping[str, str] = Field(min_length=1)  # plural form of the hour -> {time}: "la {time}", "las {time}"
    moment: str  # {clock} {weekday}
    moment_full: str  # {clock} {day}
    moment_alone: str  # {moment}: as an answer to "when?", where no word such as "until" is before it
    day: str  # a CLDR pattern: EEEE, MMMM d
    houses: str  # {street} {first} {last}
    even_side: str  # {houses}
    odd_side: str

    @model_validator(mode="after")
    def _can_be_spoken(self) -> Self:
        try:
            for hour in (1, 9):
                str(Moment(self, datetime(2027, 1, 1, hour, 30), datetime(2027, 1, 1)))  # noqa: DTZ001 - only spoken
            _ = Moment(self, datetime(2027, 1, 1), None).alone  # noqa: DTZ001 - only spoken
            _ = [self.street("Main St", 2, 8, side) for side in ("even", "odd", "both")]
        except UnknownLocaleError as error:
            raise ValueError(f"there is no locale '{self.locale}'") from error
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"a pattern uses an unknown name, {error}") from error
        return self

    def clock_time(self, at: datetime) -> str:
        """`8 AM`, `8:30 AM`. Noon is written as a word, because few people know that it is 12 PM."""
        if (at.hour, at.minute) == (12, 0):
            time = format_time(at, "h B", locale=self.locale)
        else:
            time = format_skeleton("hm" if at.minute else "h", at, locale=self.locale)
        form = Locale.parse(self.locale).plural_form(at.hour % 12 or 12)
        return self.clock.get(form, self.clock["other"]).format(time=ascii_punctuation(time))

    def day_name(self, on: date) -> str:
        return ascii_punctuation(format_date(on, self.day, locale=self.locale))

    def weekday(self, on: date) -> str:
        return ascii_punctuation(format_date(on, "EEEE", locale=self.locale))

    def duration(self, length: timedelta) -> str:
        minutes = round(length.total_seconds() / 60)
        sizes = {"day": minutes // 1440, "hour": minutes // 60 % 24, "minute": minutes % 60}
        named = (format_unit(n, unit, locale=self.locale) for unit, n in sizes.items() if n)
        return self.listing([ascii_punctuation(name) for name in named])

    def listing(self, names: Sequence[str]) -> str:
        """`Riverside, Old Town, and Docks`."""
        return format_list(names, locale=self.locale)

    def street(self, name: str, first: int | None, last: int | None, side: str) -> str:
        """Describe a street or some of its houses for residents. `side`: even, odd or both."""
        if first is None:
            houses = name
        elif last is None or first == last:
            houses = f"{first} {name}"
        else:
            houses = self.houses.format(street=name, first=min(first, last), last=max(first, last))
        pattern = {"even": self.even_side, "odd": self.odd_side}.get(side, "{houses}")
        return pattern.format(houses=houses)

    def number(self, value: int) -> str:
        return ascii_punctuation(format_decimal(value, locale=self.locale))


@dataclass(frozen=True, slots=True)
class Moment:
    """A time on the city's clocks. The weekday alone is used only from today until six days after `now`."""

    speech: Speech
    at: datetime  # aware, in the city's time zone
    now: datetime | None

    def __str__(self) -> str:
        today = self.now.astimezone(self.at.tzinfo).date() if self.now else None
        if today is None or not 0 <= (self.at.date() - today).days <= 6:
            return self.full
        weekday = self.speech.weekday(self.at.date())
        return self.speech.moment.format(clock=self.speech.clock_time(self.at), weekday=weekday)

    @property
    def full(self) -> str:
        return self.speech.moment_full.format(
            clock=self.speech.clock_time(self.at), day=self.speech.day_name(self.at.date())
        )

    @property
    def alone(self) -> str:
        return self.speech.moment_alone.format(moment=self.full)


def phone_number(number: str) -> str:
    """Format +12155550123 as 215-555-0123 and foreign numbers in the international form; leave 311 as it is."""
    if not number.startswith("+"):
        return number
    parsed = phonenumbers.parse(number)
    form = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    written = phonenumbers.format_number(parsed, form)
    return written.removeprefix("+1 ")
