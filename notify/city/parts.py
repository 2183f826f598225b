"""The parts that an alert's area is made of, and the short form that the command line has for circles and streets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from notify.core.errors import Invalid
from notify.core.translation import gettext as _

STREET_M = 30.0  # from the middle of the road to behind the front door
Document: TypeAlias = Mapping[str, Any] | str | bytes


@dataclass(frozen=True, slots=True)
class InZone:
    """A zone, by its name or by `kind:name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """Polygons in GeoJSON, WGS 84."""

    area: Document


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle around a point in degrees."""

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
    """A corridor: everything within `reach_m` of GeoJSON lines."""

    line: Document
    reach_m: float


@dataclass(frozen=True, slots=True)
class Segments:
    """A street or part of it: the city's id of a segment, or a name with optional house numbers `first` to `last`.

    `side`: left or right in the direction of the street's line, or the side with even or odd house numbers.
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


@dataclass(frozen=True, slots=True)
class Kept:
    """An area as it was computed before (WKB), with the versions of its zones. Whoever keeps it knows its names."""

    wkb: bytes
    zone_versions: tuple[int, ...] = ()


Part: TypeAlias = InZone | Drawn | Circle | Around | Along | Segments | Kept


_CIRCLE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*m?\s*")
_AROUND = re.compile(r"(.*[A-Za-z].*),\s*(\d+(?:\.\d+)?)\s*m?\s*")
_ZIP = re.compile(r",\s*\d{5}\s*")
# A house number has up to nine digits, which PostgreSQL's integer can hold.
_STREET = re.compile(
    r"(?P<name>.+?)(?:\s+(?P<first>\d{1,9})-(?P<last>\d{1,9}))?(?:\s+(?P<side>left|right|even|odd|both))?"
)


def circle_from(words: str) -> Circle | Around:
    """Read `-75.16,39.95,500` (longitude, latitude, metres) or `1234 N BROAD ST, 500` (an address and metres)."""
    if found := _CIRCLE.fullmatch(words):
        return Circle(*map(float, found.groups()))
    if found := _AROUND.fullmatch(words):
        if _ZIP.fullmatch(words, found.end(1)):
            raise Invalid(
                _("Is that a ZIP code or a radius?"), hint=_("For metres, write %(radius)s m.", radius=found[2])
            )
        return Around(found[1].strip(), float(found[2]))
    raise Invalid(
        _("%(words)s is not a circle.", words=repr(words)),
        hint=_("Write longitude, latitude and metres: -75.16,39.95,500; or an address and metres."),
    )


def segments_from(words: str) -> Segments:
    """Read `N BROAD ST 1200-1500 even`: a street with optional house numbers and an optional side."""
    found = _STREET.fullmatch(" ".join(words.split()))
    if not found:
        raise Invalid(_("A street has no name."), hint=_("Write it like N BROAD ST 1200-1500 even."))
    first, last = found["first"], found["last"]
    return Segments(
        found["name"],
        first=int(first) if first else None,
        last=int(last) if last else None,
        side=found["side"] or "both",  # type: ignore[arg-type]
    )
