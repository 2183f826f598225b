"""Read and check a row of a subscriber CSV. Reasons name the column, never its content (law 9)."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import ParamSpec, TypeVar

from notify.core import emails, phones
from notify.core.characters import visible
from notify.core.counting import counted
from notify.core.emails import NotAnEmail
from notify.core.formulas import fused
from notify.core.phones import NotAPhone
from notify.models import Topic
from notify.subscribers import history, labels
from notify.subscribers.csv_records import COLUMNS, MORE_COLUMNS, is_utf8
from notify.subscribers.history import History
from notify.subscribers.placing import NoPlace
from zones.placing import Bounds, is_near, is_swapped, kilometres

T = TypeVar("T")
P = ParamSpec("P")
NO_TOPICS: tuple[str, ...] = ()
NOWHERE = (math.nan, math.nan, False)
_NO_CELLS = dict.fromkeys(COLUMNS + MORE_COLUMNS, "")
Locate = Callable[[str], tuple[float, float] | None]  # street address -> (lon, lat); NoPlace says why there is none

_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*")  # BCP 47; only the base is stored
_TOPICS = {topic.value for topic in Topic}
_SEPARATORS = re.compile(r"[\s,;]+")
LONGEST_LABEL, LONGEST_ADDRESS = 60, 300  # characters
LONGEST_HOW = 250  # an operator's words (`serving.LONGEST_HOW`) and who noted them
WIDEST_M = 20_000  # metres around a place
DEFAULT_LABEL = "home"
EARLIEST_CONSENT = 2000  # year; nobody signed up before, but a file may have 26 for 2026


class BadRow(Exception):
    """A row cannot be used. The text lists everything wrong with it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A good row: a resident's phone or email or both, and one place or none."""

    line: int
    phone: str | None
    email: str | None
    language: str
    topics: tuple[str, ...]
    lon: float
    lat: float
    address: str
    label: str
    consent_at: datetime | None
    consent_how: str
    is_outside: bool = False  # far from the city, as confirmed by the operator
    radius_m: float = 0.0
    consent_words: str = ""
    history: History | None = None  # of an export

    @property
    def has_place(self) -> bool:
        """Whether it has one: a resident of the whole city or of an export may have none; lon and lat are NaN then."""
        return not math.isnan(self.lon)

    @property
    def agreed_at(self) -> datetime | None:
        """The newest consent in the row."""
        told = self.history.agreed_at if self.history else None
        return max((at for at in (self.consent_at, told) if at), default=None)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads rows. The fields are what reading depends on besides the row."""

    names: Sequence[str]  # the file's columns, in order
    now: datetime
    region: str
    language: str  # for rows without one
    timezone: tzinfo  # for consents with only a date
    locate: Locate
    city: Bounds | None = None  # the bounds of everything known of the city
    outside: bool = False  # accept places far from it

    def contacts(self, fields: list[str]) -> tuple[str, str] | None:
        """Return the phone and email of a row that has both, whatever else is wrong with it."""
        if len(fields) != len(self.names):
            return None
        given = dict(zip(self.names, fields, strict=True))
        both = [given.get("phone", ""), given.get("email", "")]
        if not all(both) or not is_utf8(fields):
            return None
        phone, email = _tidied(both)
        try:
            phone, email = _phone(phone, self.region) or "", _email(email) or ""
        except BadRow:
            return None
        return (phone, email) if phone and email else None

    def read(self, line: int, fields: list[str] | None) -> Row:
        """Read a row. Raises BadRow with everything that is wrong."""
        if fields is None:
            raise BadRow("The quotes are wrong.")
        if len(fields) != len(self.names):
            raise BadRow(f"It has {counted(len(fields), 'column')}, but the first line has {len(self.names)}.")
        if not is_utf8(fields):
            raise BadRow("It is not UTF-8: save the file in that encoding.")
        cells = self._cells(fields)
        faults: list[str] = []
        phone = _tried(faults, None, _phone, cells["phone"], self.region)
        email = _tried(faults, None, _email, cells["email"])
        if not (cells["phone"] or cells["email"]):
            faults.append("phone, email: one of them must be given.")
        language = _tried(faults, "", _language, cells["language"] or self.language)
        topics = _tried(faults, NO_TOPICS, _topics, cells["topics"])
        address = _tried(faults, "", _printable, "address", cells["address"], LONGEST_ADDRESS)
        lon, lat, is_outside = _tried(faults, NOWHERE, self._place, cells, address)
        label = _tried(faults, "", _printable, "label", cells["label"], LONGEST_LABEL) or DEFAULT_LABEL
        consent_at = _tried(faults, None, self._consent, cells)
        how = _tried(faults, "", _printable, "consent_how", cells["consent_how"], LONGEST_HOW)
        words = _tried(faults, "", _printable, "consent_words", cells["consent_words"], history.LONGEST)
        radius_m = _tried(faults, 0.0, _radius, cells["radius_m"])
        told = _tried(faults, None, self._history, fields)
        if faults:
            raise BadRow(" ".join(faults))
        label, address = labels.parted(label, address, DEFAULT_LABEL)
        return Row(
            line, phone, email, language, topics, lon, lat, address, label, consent_at, how, is_outside, radius_m,
            words, told,
        )  # fmt: skip

    def _cells(self, fields: list[str]) -> dict[str, str]:
        """Return the cells by column; "" for columns that the file does not have."""
        return _NO_CELLS | dict(zip(self.names, _tidied(fields), strict=True))

    def _place(self, cells: dict[str, str], address: str) -> tuple[float, float, bool]:
        """Return lon, lat, and whether that is far from the city."""
        lon, lat = self._point(cells, address)
        if math.isnan(lon) or (self.city and is_near(lon, lat, self.city)):
            return lon, lat, False
        if cells["lon"] and is_swapped(lon, lat, self.city):
            raise BadRow("lon, lat: they are swapped, or far from the city.")
        if self.city is None:
            return lon, lat, False
        if not self.outside:
            column = "lon, lat" if cells["lon"] else "address"
            far = kilometres((lon, lat, lon, lat), self.city)
            raise BadRow(f"{column}: it is {far:,.0f} km from the city. Correct it, or import it with --outside keep.")
        return lon, lat, True

    def _point(self, cells: dict[str, str], address: str) -> tuple[float, float]:
        whole_city = _whole_city(cells)
        if cells["lon"] or cells["lat"]:
            return _degrees(cells)
        if not cells["address"] and (whole_city or cells["choices"] or cells["history"]):
            return math.nan, math.nan
        if not cells["address"]:
            raise BadRow(
                "lon, lat: give them, or an address. For a resident who gets only what goes to the whole city,"
                " write yes in a column whole_city."
            )
        if not address:  # its fault has been reported already
            return math.nan, math.nan
        try:
            found = self.locate(address)
        except NoPlace as error:
            raise BadRow(f"address: {error}") from None
        if found is None:
            raise BadRow("address: it is not known; give lon and lat.")
        return found

    def _history(self, fields: list[str]) -> History | None:
        """Read the cells of an export, as they are: tidied they would not be the same."""
        raw = dict(zip(self.names, fields, strict=True))
        choices, told = raw.get("choices", ""), raw.get("history", "")
        if not choices.strip() and not told.strip():
            return None
        try:
            return history.read(choices, told, self.now)
        except ValueError as error:
            raise BadRow(f"choices, history: {error}.") from None

    def _consent(self, cells: dict[str, str]) -> datetime | None:
        given, how = cells["consent_at"], cells["consent_how"]
        if not given and not how:
            return None
        if not (given and how):
            raise BadRow("consent_at, consent_how: give both or neither.")
        try:
            at = _moment(given, self.timezone)
        except (ValueError, OverflowError):
            raise BadRow("consent_at: give it as 2026-05-31 or 2026-05-31T14:30:00-04:00.") from None
        if at.year < EARLIEST_CONSENT:
            raise BadRow(
                f"consent_at: it is before {EARLIEST_CONSENT}; give the year with four digits, as in 2026-05-31."
            )
        if at > self.now:
            raise BadRow("consent_at: it is in the future.")
        return at


def _tidied(fields: Sequence[str]) -> list[str]:
    """Remove invisible characters, superfluous spaces, and the apostrophe that `defused` added."""
    shown = fields if all(map(str.isascii, fields)) else map(visible, fields)
    tidy = [" ".join(field.split()) for field in shown]
    return [fused(cell) if cell.startswith("'") else cell for cell in tidy]


def _moment(text: str, timezone: tzinfo) -> datetime:
    """Read an aware ISO 8601 time, or a day, which means midnight in the city. Raises ValueError, OverflowError."""
    if len(text) <= len("2026-05-31"):
        return datetime.combine(date.fromisoformat(text), time(), timezone).astimezone(UTC)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("it has no time zone")
    return at.astimezone(UTC)


def _phone(cell: str, region: str) -> str | None:
    try:
        return phones.valid(cell, region) if cell else None
    except NotAPhone as error:
        raise BadRow(f"phone: {error}") from None


def _email(cell: str) -> str | None:
    try:
        return emails.read(cell) if cell else None
    except NotAnEmail as error:
        raise BadRow(f"email: {error}") from None


def _degrees(cells: dict[str, str]) -> tuple[float, float]:
    if not (cells["lon"] and cells["lat"]):
        raise BadRow("lon, lat: one of them is missing.")
    values, faults = [], []
    for column, most in (("lon", 180), ("lat", 90)):
        try:
            value = float(cells[column])
        except ValueError:
            value = math.nan
        if math.isnan(value):
            faults.append(f"{column}: this is not a number.")
        elif abs(value) > most:
            faults.append(f"{column}: it must be between -{most} and {most}.")
        values.append(value)
    if faults:
        raise BadRow(" ".join(faults))
    return values[0], values[1]


def _whole_city(cells: dict[str, str]) -> bool:
    """Return whether a row says that it has no place: its resident gets only what goes to the whole city."""
    if (said := cells["whole_city"].lower()) not in ("yes", "no", ""):
        raise BadRow("whole_city: write yes, no or nothing.")
    if said == "yes" and any(cells[column] for column in ("lon", "lat", "address")):
        raise BadRow("whole_city: it says yes, but the row has a place; leave one of them empty.")
    return said == "yes"


def _radius(cell: str) -> float:
    try:
        radius_m = float(cell or 0)
    except ValueError:
        radius_m = math.nan
    if not 0 <= radius_m <= WIDEST_M:
        raise BadRow(f"radius_m: give metres from 0 to {WIDEST_M:,}.")
    return radius_m


@lru_cache(1_024)  # a file has few different ones
def _language(text: str) -> str:
    found = _LANGUAGE.fullmatch(text.lower())
    if found is None:
        raise BadRow("language: give a code like en or es.")
    return found[1]


@lru_cache(1_024)
def _topics(text: str) -> tuple[str, ...]:
    topics = tuple(dict.fromkeys(filter(None, _SEPARATORS.split(text.lower()))))
    if not _TOPICS.issuperset(topics):
        raise BadRow(f"topics: one of them is unknown; topics are {', '.join(Topic)}.")
    return topics


def one_line(column: str, given: str, longest: int) -> str:
    """Tidy a label, an address or a proof in the same way as an import does. Raises BadRow."""
    return _printable(column, " ".join(visible(given).split()), longest)


def _tried(faults: list[str], otherwise: T, read: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Return what `read` returns; if it raises BadRow, add its text to `faults` and return `otherwise`."""
    try:
        return read(*given, **named)
    except BadRow as fault:
        faults.append(str(fault))
        return otherwise


def _printable(column: str, text: str, longest: int) -> str:
    if not text.isprintable():
        raise BadRow(f"{column}: it has characters that cannot be printed.")
    if len(text) > longest:
        raise BadRow(f"{column}: it is longer than {longest} characters.")
    return text
