"""Where an alert is for: zones, drawn shapes, circles, corridors, sides of streets; united, less what is excluded."""

import atexit
import json
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import geocoder
from notify.city import zones as city_zones
from notify.core.errors import Invalid, NotFound, Refused, Unavailable
from notify.core.process import once
from zones import areas
from zones.addresses.words import readable
from zones.areas import Side
from zones.computing import DRAWN, AreaRequest, Corridor, Disc, DrawnShape, KeptShape, Piece, Strip
from zones.errors import ZoneError
from zones.geometry import Area, area_hash
from zones.geometry_pool import GeometryPool, PoolBusy

READ_S = 5.0  # for looking up all parts of an area
STREET_M = 30.0  # from the middle of the road to behind the front door
Document: TypeAlias = Mapping[str, Any] | str | bytes
Confirmation = Literal["outside-city", "whole-city", "swapped"]


@dataclass(frozen=True, slots=True)
class InZone:
    """A zone by its name, or `kind:name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """GeoJSON polygons, WGS 84."""

    area: Document


@dataclass(frozen=True, slots=True)
class Circle:
    """Around a point (degrees)."""

    lon: float
    lat: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Around:
    """A circle around an address, a crossing or a landmark."""

    address: str
    radius_m: float


@dataclass(frozen=True, slots=True)
class Along:
    """A corridor: all that is nearer than `reach_m` to GeoJSON lines."""

    line: Document
    reach_m: float


@dataclass(frozen=True, slots=True)
class Segments:
    """Streets, or parts of them: an id of the city's, or a name and perhaps house numbers from .. through.

    `side` as the street's line runs, or by its house numbers.
    """

    name: str = ""
    external_id: str = ""
    first: int | None = None
    last: int | None = None
    side: Literal["left", "right", "even", "odd", "both"] = "both"
    reach_m: float = STREET_M

    @property
    def words(self) -> str:
        numbers = "" if self.first is None else f" {self.first}" if self.last is None else f" {self.first}-{self.last}"
        side = "" if self.side == "both" else f", {self.side} side"
        return f"{self.name or self.external_id}{numbers}{side}"


Part: TypeAlias = InZone | Drawn | Circle | Around | Along | Segments


@dataclass(frozen=True, slots=True)
class Where:
    """`confirmed`: doubts that the author has answered with yes."""

    include: Sequence[Part] = ()
    exclude: Sequence[Part] = ()
    confirmed: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Houses:
    """Those of a street, or some of them: residents are told of them in the words of their language."""

    name: str
    first: int | None
    last: int | None
    side: Literal["even", "odd", "both"]


@dataclass(frozen=True, slots=True)
class Found:
    """The area, what its zones and streets are called, and the versions of the zones."""

    shape: Area
    names: tuple[str | Houses, ...]
    zone_versions: tuple[int, ...]
    named: bool  # all of it is zones and streets, so that it needs no words of the author's
    area_m2: float

    @property
    def hash(self) -> str:
        return area_hash(self.shape)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that has to be read to make the area; it is computed without the database."""

    request: AreaRequest
    names: tuple[str | Houses, ...]
    zone_versions: tuple[int, ...]
    named: bool


@once
def geometry_pool() -> GeometryPool:
    """The processes that compute areas for this one."""
    pool = GeometryPool()
    atexit.register(pool.close)
    return pool


def find(s: Session, where: Where) -> Found:
    """Make one area of it, within a transaction. Callers with a choice `gather` in one and `make` it outside of any."""
    return make(gather(s, where))


def gather(s: Session, where: Where) -> Gathered:
    """Read the zones, streets and addresses that are named. Raises Invalid or NotFound with what is wrong."""
    if not where.include:
        raise Invalid("An alert needs an area: without one nothing is sent.", hint="Name a zone, or give an area.")
    reader = _Reader(s, where)
    included = [reader.read(part) for part in _once_each(where.include)]
    excluded = [reader.read(part) for part in _once_each(where.exclude)]
    names = dict.fromkeys(name for one in included for name in one.names)
    versions = dict.fromkeys(version for one in included for version in one.zone_versions)
    request = AreaRequest(
        tuple(one.piece for one in included),
        tuple(one.piece for one in excluded),
        city_zones.bounds(s) if any(isinstance(one.piece, DRAWN) for one in (*included, *excluded)) else None,
        tuple(where.confirmed),
    )
    return Gathered(request, tuple(names), tuple(versions), all(one.named for one in included))


def make(gathered: Gathered) -> Found:
    """Compute the area, in another process, within limits of time and memory: no transaction should be open.

    Raises Invalid with what is wrong, Refused with what must be confirmed, Unavailable when all processes are busy.
    """
    try:
        made = geometry_pool().compute(gathered.request)
    except ZoneError as error:
        raise Invalid(error.message, hint=error.hint, details=error.details) from None
    except PoolBusy:
        raise Unavailable("Too many areas are being computed.", hint="Try again in a few seconds.") from None
    if made.doubt is not None:
        hint = f"If that is meant, say so: --confirm {made.doubt.kind}, over REST `confirmed`."
        if made.doubt.kind == "swapped":
            raise Invalid(made.doubt.question, hint=f"GeoJSON has longitude first. {hint}")
        raise Refused(made.doubt.question, hint=hint)
    return Found(made.shape, gathered.names, gathered.zone_versions, gathered.named, made.area_m2)


def _once_each(parts: Sequence[Part]) -> list[Part]:
    """Without those that were given before: a thousand times the same street is one street."""
    kept: dict[str, Part] = {}
    for part in parts:
        kept.setdefault(_key(part), part)
    return list(kept.values())


def _key(part: Part) -> str:
    match part:
        case Drawn(document) | Along(document):
            return f"{type(part).__name__} {getattr(part, 'reach_m', '')} {_text(document)}"
    return repr(part)


def _text(document: Document) -> str:
    """GeoJSON as text, which another process can be given."""
    if isinstance(document, Mapping):
        return json.dumps(document)
    try:
        return document.decode("utf-8-sig") if isinstance(document, bytes) else document
    except UnicodeDecodeError:
        raise Invalid("It is not UTF-8 text, as GeoJSON must be.", hint="Save it as UTF-8.") from None


@dataclass(frozen=True, slots=True)
class _Read:
    """A part that has been read."""

    piece: Piece
    names: tuple[str | Houses, ...] = ()
    zone_versions: tuple[int, ...] = ()
    named: bool = False  # residents know it by its name


class _Reader:
    """Reads parts; what several of them name is read once. Raises Invalid when that takes too long."""

    def __init__(self, s: Session, where: Where) -> None:
        self._s = s
        names = [part.name for part in (*where.include, *where.exclude) if isinstance(part, InZone)]
        self._zones = dict(zip(names, city_zones.find_all(s, names), strict=True))
        self._streets = cache(self._read_streets)
        self._until = time.monotonic() + READ_S

    def read(self, part: Part) -> _Read:
        if time.monotonic() > self._until:
            raise Invalid(f"To look up its parts takes longer than {READ_S:g} seconds.", hint="Name fewer of them.")
        match part:
            case InZone(name):
                kept = self._zones[name]
                return _Read(KeptShape(kept.version.geometry), (kept.zone.name,), (kept.version.id,), True)
            case Segments():
                return self._street(part)
            case Drawn(document):
                return _Read(DrawnShape(_text(document)))
            case Circle(lon, lat, radius_m):
                return _Read(Disc(lon, lat, radius_m))
            case Around(address, radius_m):
                return _Read(Disc(*_place(self._s, address), radius_m))
            case Along(line, reach_m):
                return _Read(Corridor(_text(line), reach_m))

    def _street(self, wanted: Segments) -> _Read:
        if not (wanted.external_id or wanted.name.strip()):
            raise Invalid("A street has no name.", hint="Give its name, or the city's id of a segment.")
        if wanted.first is None and wanted.last is not None:
            raise Invalid(f"Up to number {wanted.last}, but from which?", hint="Give the first number, too.")
        rows = self._streets(wanted.external_id, wanted.name)
        if not rows:
            raise _no_street(self._s, wanted)
        lines: list[tuple[bytes, Side]] = []
        for row in rows:
            left, right = _range(row.left_from, row.left_to), _range(row.right_from, row.right_to)
            if side := _side(left, right, wanted):
                lines.append((bytes(row.geometry), side))
        if not lines:
            raise NotFound(f"No part of the street is {wanted.words}.", hint="Leave the numbers or the side out.")
        strip = Strip(tuple(lines), wanted.reach_m)
        if wanted.side == "left" or wanted.side == "right":  # which is which, no resident knows
            return _Read(strip)
        return _Read(strip, (Houses(readable(rows[0].name), wanted.first, wanted.last, wanted.side),), (), True)

    def _read_streets(self, external_id: str, name: str) -> Sequence[Any]:
        return _segments(self._s, external_id, [] if external_id else geocoder.streets_called(self._s, name))


def _place(s: Session, address: str) -> tuple[float, float]:
    """Only one that needs no second look: whoever stands there is written to."""
    found = geocoder.find(s, address)
    if found.message:
        near = [f"{match.label}?" for match in found.matches[:3]]
        raise NotFound("The address is not known for sure.", details=near, hint=found.message)
    return found.matches[0].lon, found.matches[0].lat


def _segments(s: Session, external_id: str, names: Sequence[str]) -> Sequence[Any]:
    return s.execute(
        text("""SELECT name, geometry, left_from, left_to, right_from, right_to FROM streets
                 WHERE CASE WHEN :id <> '' THEN external_id = :id ELSE upper(name) = ANY(:names) END ORDER BY id"""),
        {"id": external_id, "names": names},
    ).all()


def _no_street(s: Session, wanted: Segments) -> NotFound:
    found = geocoder.find(s, wanted.name).matches if wanted.name else ()
    near = [match.label for match in found if match.kind == "street"]
    hint = f"Did you mean {' or '.join(dict.fromkeys(near[:3]))}?" if near else "`tocsin streets import` brings them."
    return NotFound(f"There is no street {(wanted.name or wanted.external_id)!r}.", hint=hint)


def _side(left: tuple[int, int] | None, right: tuple[int, int] | None, wanted: Segments) -> areas.Side | None:
    """Which side of a segment is meant: it has one of the house numbers, and is the right one."""

    def meant(side: str, numbers: tuple[int, int] | None) -> bool:
        if wanted.side in ("left", "right") and wanted.side != side:
            return False
        if wanted.side in ("even", "odd"):
            # A range from an even to an odd number holds both.
            parities = {number % 2 for number in numbers or ()}
            if (wanted.side == "odd") not in parities:
                return False
        return wanted.first is None or (numbers is not None and _holds(numbers, wanted))

    if meant("left", left):
        return "both" if meant("right", right) else "left"
    return "right" if meant("right", right) else None


def _holds(numbers: tuple[int, int], wanted: Segments) -> bool:
    """One of those that are wanted. A single number is on one side only, where the sides are even and odd."""
    first = wanted.first or 0
    last = first if wanted.last is None else wanted.last
    if first == last and first % 2 not in {number % 2 for number in numbers}:
        return False
    return numbers[0] <= max(first, last) and numbers[1] >= min(first, last)


def _range(a: int | None, b: int | None) -> tuple[int, int] | None:
    """Zero is how registers write that there is no number."""
    numbers = [number for number in (a, b) if number]
    return (min(numbers), max(numbers)) if numbers else None


_CIRCLE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*m?\s*")
_AROUND = re.compile(r"(.*[A-Za-z].*),\s*(\d+(?:\.\d+)?)\s*m?\s*")
_ZIP = re.compile(r",\s*\d{5}\s*")
_STREET = re.compile(r"(?P<name>.+?)(?:\s+(?P<first>\d+)-(?P<last>\d+))?(?:\s+(?P<side>left|right|even|odd|both))?")


def circle_from(words: str) -> Circle | Around:
    """`-75.16,39.95,500`: longitude, latitude, metres; or `1234 N BROAD ST, 500`: an address and metres."""
    if found := _CIRCLE.fullmatch(words):
        return Circle(*map(float, found.groups()))
    if found := _AROUND.fullmatch(words):
        if _ZIP.fullmatch(words, found.end(1)):
            raise Invalid("Is that a ZIP code or a radius?", hint=f"For metres, write {found[2]} m.")
        return Around(found[1].strip(), float(found[2]))
    raise Invalid(
        f"{words!r} is not a circle.",
        hint="Write longitude, latitude and metres: -75.16,39.95,500; or an address and metres.",
    )


def segments_from(words: str) -> Segments:
    """`N BROAD ST 1200-1500 even`: a street, perhaps house numbers, perhaps a side."""
    found = _STREET.fullmatch(" ".join(words.split()))
    if not found:
        raise Invalid("A street has no name.", hint="Such as: N BROAD ST 1200-1500 even.")
    first, last = found["first"], found["last"]
    return Segments(
        found["name"],
        first=int(first) if first else None,
        last=int(last) if last else None,
        side=found["side"] or "both",  # type: ignore[arg-type]
    )
