"""Where an alert is for: zones, drawn shapes, circles, corridors, sides of streets; united, less what is excluded."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import atlas, gazetteer
from notify.errors import Invalid, NotFound, Refused
from zones import areas
from zones.addresses.words import readable
from zones.errors import ZoneError
from zones.geometry import Area, circle, from_wkb, parse_area

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


def find(s: Session, where: Where) -> Found:
    """Make one area of it. Raises Invalid or NotFound with what is wrong, Refused with what must be confirmed."""
    if not where.include:
        raise Invalid("An alert needs an area: without one nothing is sent.", hint="Name a zone, or give an area.")
    try:
        included = [_part(s, part) for part in where.include]
        excluded = [_part(s, part) for part in where.exclude]
        drawn = [one.shape for one in included if not one.named]
        _ask(s, [*drawn, areas.combined(drawn)] if drawn else [], where.confirmed)
        # What is left out by a slip would be told after all.
        _ask(s, [one.shape for one in excluded if not one.named], {*where.confirmed, "whole-city"})
        shape = areas.combined([one.shape for one in included], [one.shape for one in excluded])
    except ZoneError as error:
        raise Invalid(error.message, hint=error.hint, details=error.details) from None
    names = dict.fromkeys(name for one in included for name in one.names)
    versions = dict.fromkeys(version for one in included for version in one.zone_versions)
    return Found(shape, tuple(names), tuple(versions), all(one.named for one in included))


def _part(s: Session, part: Part) -> Found:
    match part:
        case InZone(name):
            kept = atlas.find(s, name)
            return Found(from_wkb(kept.version.geometry), (kept.zone.name,), (kept.version.id,), True)
        case Segments():
            shape, name = _streets(s, part)
            if part.side == "left" or part.side == "right":  # which is which, no resident knows
                return Found(shape, (), (), False)
            return Found(shape, (Houses(name, part.first, part.last, part.side),), (), True)
        case Drawn(document):
            shape = parse_area(document)
        case Circle(lon, lat, radius_m):
            shape = circle(lon, lat, radius_m)
        case Around(address, radius_m):
            shape = circle(*_place(s, address), radius_m)
        case Along(line, reach_m):
            shape = areas.corridor(areas.read_line(line), reach_m)
    return Found(shape, (), (), False)


def _place(s: Session, address: str) -> tuple[float, float]:
    """Only one that needs no second look: whoever stands there is written to."""
    found = gazetteer.find(s, address)
    if found.message:
        near = [f"{match.label}?" for match in found.matches[:3]]
        raise NotFound("The address is not known for sure.", details=near, hint=found.message)
    return found.matches[0].lon, found.matches[0].lat


def _ask(s: Session, drawn: Sequence[Area], confirmed: Collection[str]) -> None:
    """A zone is what the city made it; what somebody draws at night may be a slip. Each part is asked about, and all of
    them together: two halves cover the whole city, too."""
    if not drawn:
        return
    city = atlas.bounds(s)
    for shape in drawn:
        doubt = areas.doubt(shape, city)
        if doubt is None or doubt.kind in confirmed:
            continue
        hint = f"If that is meant, say so: --confirm {doubt.kind}, over REST `confirmed`."
        if doubt.kind == "swapped":
            raise Invalid(doubt.question, hint=f"GeoJSON has longitude first. {hint}")
        raise Refused(doubt.question, hint=hint)


def _streets(s: Session, wanted: Segments) -> tuple[Area, str]:
    """The strip, and the street's name."""
    if not (wanted.external_id or wanted.name.strip()):
        raise Invalid("A street has no name.", hint="Give its name, or the city's id of a segment.")
    if wanted.first is None and wanted.last is not None:
        raise Invalid(f"Up to number {wanted.last}, but from which?", hint="Give the first number, too.")
    rows = _segments(s, wanted.external_id, [] if wanted.external_id else gazetteer.streets_called(s, wanted.name))
    if not rows:
        raise _no_street(s, wanted)
    lines: list[tuple[BaseGeometry, areas.Side]] = []
    for row in rows:
        left, right = _range(row.left_from, row.left_to), _range(row.right_from, row.right_to)
        side = _side(left, right, wanted)
        if side:
            lines.append((shapely.from_wkb(row.geometry), side))
    if not lines:
        raise NotFound(f"No part of the street is {wanted.words}.", hint="Leave the numbers or the side out.")
    return areas.beside(lines, wanted.reach_m), readable(rows[0].name)


def _segments(s: Session, external_id: str, names: Sequence[str]) -> Sequence[Any]:
    return s.execute(
        text("""SELECT name, geometry, left_from, left_to, right_from, right_to FROM streets
                 WHERE CASE WHEN :id <> '' THEN external_id = :id ELSE upper(name) = ANY(:names) END ORDER BY id"""),
        {"id": external_id, "names": names},
    ).all()


def _no_street(s: Session, wanted: Segments) -> NotFound:
    found = gazetteer.find(s, wanted.name).matches if wanted.name else ()
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
    raise Invalid("That is no circle.", hint="Longitude, latitude and metres: -75.16,39.95,500; or an address, metres.")


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
