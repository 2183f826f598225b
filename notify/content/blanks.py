"""The typed blanks of a message, and the values that each type accepts.

`Blank.read` turns the operator's words into a canonical string that can be stored and read again. It raises
ValueError with a text that completes a sentence such as "Blank 'until' ...".
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from notify.core import phones
from notify.core.characters import visible
from notify.core.city_time import short_units
from notify.core.translation import gettext as _

Phase = Literal["issue", "update", "all-clear"]
PHASES: tuple[Phase, ...] = ("issue", "update", "all-clear")
BlankType = Literal["text", "line", "date", "datetime", "duration", "number", "phone", "url", "choice"]
TRANSLATED: tuple[BlankType, ...] = ("text", "line")  # free words: the only ones that may differ by language

_LONGEST: Mapping[BlankType, int] = {"line": 120, "text": 2000, "url": 500}
_LONGEST_OTHER = 60
_YEARS = range(2000, 2201)  # of days and times: others are slips of the finger
_DURATION = re.compile(r"(?=\d)(?:(\d{1,3})d)?(?:(\d{1,3})h)?(?:(\d{1,4})m)?")


class Blank(BaseModel):
    """One blank as `event.toml` declares it. `label` and `help` are for the operator's form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z_]*$")
    type: BlankType
    label: str
    help: str = ""
    example: str
    phases: tuple[Phase, ...] = PHASES  # the phases in which it may be given
    required: tuple[Phase, ...] = ()
    default: str = ""
    choices: Mapping[str, str] = Field(default={})  # key -> label for the form
    minimum: int = 0
    maximum: int = 10_000_000
    longest: int = 0  # characters; 0: the limit of its type
    # Order of dates and times: the names of other such blanks, `launch` or `expires`.
    not_before: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    begun_at_most_h: Mapping[Phase, int] = Field(default={})  # hours before the launch; any, in phases not named
    ours: bool = False  # filled in by Tocsin only: no form has it

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("a blank of type choice needs choices, and no other blank may have them")
        if not set(self.required) <= set(self.phases):
            raise ValueError("it is required in a phase that is not among its phases")
        for field, value in (("example", self.example), ("default", self.default)):
            try:
                if value or field == "example":
                    self.read(value)
            except ValueError as error:
                raise ValueError(f"its {field} {error}") from error
        return self

    @property
    def translated(self) -> bool:
        return self.type in TRANSLATED

    def read(self, given: str) -> str:
        """Return the canonical form of the operator's words. Raises ValueError."""
        words = visible(given)
        if not words:
            raise ValueError(_("is empty"))
        longest = self.longest or _LONGEST.get(self.type, _LONGEST_OTHER)
        if len(words) > longest:
            raise ValueError(_("has %(count)s characters; the most is %(longest)s", count=len(words), longest=longest))
        if self.type == "text":
            words = words.replace("\r\n", "\n")
        if not is_clean(words.replace("\n", "") if self.type == "text" else words):
            raise ValueError(_("has a line break or another character that does not show"))
        return _READERS[self.type](self, words)


def read_duration(words: str) -> timedelta:
    """Read a duration such as `90m`, `6h`, `1d12h` or `2 hours`. Raises ValueError."""
    match = _DURATION.fullmatch(short_units(words))
    length = (
        timedelta(**dict(zip(("days", "hours", "minutes"), map(_whole, match.groups()), strict=True)))
        if match
        else None
    )
    if not length:
        raise ValueError(_("must be a duration such as 90m, 6h or 1d12h, not '%(words)s'", words=words))
    return length


def is_clean(words: str) -> bool:
    """Return whether the text is one line that can be stored and sent: no control characters, no lone surrogates."""
    return not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in words)


def _whole(digits: str | None) -> int:
    return int(digits or 0)


def _free(_blank: Blank, words: str) -> str:
    return words


def _date(_blank: Blank, words: str) -> str:
    try:
        day = date.fromisoformat(words)
    except ValueError:
        raise ValueError(_("must be a day such as 2027-01-14, not '%(words)s'", words=words)) from None
    _require_year(day)
    return day.isoformat()


def _datetime(_blank: Blank, words: str) -> str:
    try:
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", words):
            raise ValueError
        at = datetime.fromisoformat(words)
    except ValueError:
        raise ValueError(_("must be a day and time such as 2027-01-14T18:00, not '%(words)s'", words=words)) from None
    _require_year(at)
    return at.isoformat(timespec="minutes")


def _require_year(day: date) -> None:
    if day.year not in _YEARS:
        first, last = _YEARS[0], _YEARS[-1]
        raise ValueError(
            _("must be in a year from %(first)s to %(last)s, not %(year)s", first=first, last=last, year=day.year)
        )


def _duration(_blank: Blank, words: str) -> str:
    read_duration(words)
    return short_units(words)


def _number(blank: Blank, words: str) -> str:
    if not re.fullmatch(r"\d{1,3}(,\d{3})+|\d{1,9}", words, re.ASCII):
        raise ValueError(_("must be a whole number, not '%(words)s'", words=words))
    value = int(words.replace(",", ""))
    if not blank.minimum <= value <= blank.maximum:
        raise ValueError(
            _(
                "must be from %(minimum)s to %(maximum)s, not %(value)s",
                minimum=blank.minimum,
                maximum=blank.maximum,
                value=value,
            )
        )
    return str(value)


def _phone(_blank: Blank, words: str) -> str:
    if phones.is_short(words):
        return words
    try:
        number = phones.read(words, letters=True, local=True)
    except phones.NotAPhone:
        raise ValueError(
            _("must be a phone number such as 215-555-0123 or 311, not '%(words)s'", words=words)
        ) from None
    # A number without an area code has no E.164 form.
    return phones.local_form(number) if phones.is_local(number) else phones.e164(number)


def _url(_blank: Blank, words: str) -> str:
    try:
        address = urlsplit(words)
        usable = address.scheme in {"http", "https"} and bool(address.hostname)
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s<>\"]", words):
        raise ValueError(_("must be a web address such as https://example.org/help, not '%(words)s'", words=words))
    return words


def _choice(blank: Blank, words: str) -> str:
    if words not in blank.choices:
        raise ValueError(
            _("must be one of %(choices)s, not '%(words)s'", choices=", ".join(blank.choices), words=words)
        )
    return words


_READERS: Mapping[BlankType, Callable[[Blank, str], str]] = {
    "text": _free,
    "line": _free,
    "date": _date,
    "datetime": _datetime,
    "duration": _duration,
    "number": _number,
    "phone": _phone,
    "url": _url,
    "choice": _choice,
}
