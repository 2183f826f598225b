"""Make one shape of the parts of an alert's area: the union of those included, minus those excluded."""

import atexit
import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import geocoder, zone_words
from notify.city import zones as city_zones
from notify.city.parts import Along, Around, Circle, Document, Drawn, InZone, Kept, Part, Segments
from notify.core.errors import Invalid, NotFound, Refused, Unavailable
from notify.core.process import once
from notify.core.translation import gettext as _
from zones import areas
from zones.addresses.words import readable
from zones.areas import Side
from zones.computing import DRAWN, AreaRequest, Corridor, Disc, DrawnShape, KeptShape, Piece, Strip
from zones.errors import ZoneError
from zones.geometry import Area, area_hash
from zones.geometry_pool import GeometryPool, PoolBusy

READ_S = 5.0  # limit for looking up all parts of an area
Confirmation = Literal["outside-city", "whole-city", "swapped"]


@dataclass(frozen=True, slots=True)
class Where:
    """The parts of an area. `confirmed`: the doubts that the author has confirmed."""

    include: Sequence[Part] = ()
    exclude: Sequence[Part] = ()
    confirmed: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Houses:
    """All or some houses of a street. `content.phrases` describes them in each resident's language."""

    name: str
    first: int | None
    last: int | None
    side: Literal["even", "odd", "both"]


@dataclass(frozen=True, slots=True)
class Found:
    """An area, the names of its zones and streets, and the versions of its zones."""

    shape: Area
    names: tuple[str | Houses, ...]
    zone_versions: tuple[int, ...]
    named: bool  # every part is a zone or street, so the author need not describe the area
    area_m2: float

    @property
    def hash(self) -> str:
        return area_hash(self.shape)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that must be read from the database before the area can be computed."""

    request: AreaRequest
    names: tuple[str | Houses, ...]
    zone_versions: tuple[int, ...]
    named: bool


@once
def geometry_pool() -> GeometryPool:
    """Return the processes that compute areas for this one."""
    pool = GeometryPool()
    atexit.register(pool.close)
    return pool


def find(s: Session, where: Where) -> Found:
    """Read and compute an area within one transaction. Callers that can should `gather` in it and `make` after it."""
    return make(gather(s, where))


def gather(s: Session, where: Where) -> Gathered:
    """Read the zones, streets and addresses of the parts. Raises Invalid or NotFound."""
    if not where.include:
        raise Invalid(
            _("An alert needs an area: without one nothing is sent."), hint=_("Name a zone, or give an area.")
        )
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
    """Compute the area in another process, within limits of time and memory. No transaction should be open.

    Raises Invalid with what is wrong, Refused with what must be confirmed, Unavailable when all processes are busy.
    """
    try:
        made = geometry_pool().compute(gathered.request)
    except ZoneError as error:
        raise Invalid(
            zone_words.said(error.message),
            hint=zone_words.said(error.hint),
            details=[*map(zone_words.said, error.details)],
        ) from None
    except PoolBusy:
        raise Unavailable(_("Too many areas are being computed."), hint=_("Try again in a few seconds.")) from None
    if made.doubt is not None:
        hint = f"If you mean it, confirm it with --confirm {made.doubt.kind}, or `confirmed` over REST."
        question = zone_words.said(made.doubt.question)
        doubt: Invalid | Refused = Refused(question, hint=hint)
        if made.doubt.kind == "swapped":
            doubt = Invalid(question, hint=_("GeoJSON has longitude first. %(hint)s", hint=hint))
        doubt.confirm = made.doubt.kind
        raise doubt
    return Found(made.shape, gathered.names, gathered.zone_versions, gathered.named, made.area_m2)


def _once_each(parts: Sequence[Part]) -> list[Part]:
    """Return the parts without repetitions, so that a street given a thousand times is looked up once."""
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
    """Return GeoJSON as text, which can be passed to another process."""
    if isinstance(document, Mapping):
        return json.dumps(document)
    try:
        return document.decode("utf-8-sig") if isinstance(document, bytes) else document
    except UnicodeDecodeError:
        raise Invalid(_("The GeoJSON is not UTF-8 text."), hint=_("Save it as UTF-8.")) from None


@dataclass(frozen=True, slots=True)
class _Read:
    """A part with what was read for it from the database."""

    piece: Piece
    names: tuple[str | Houses, ...] = ()
    zone_versions: tuple[int, ...] = ()
    named: bool = False  # residents know it by this name


class _Reader:
    """Reads parts; a zone or street that several of them name is read once. Raises Invalid when it takes too long."""

    def __init__(self, s: Session, where: Where) -> None:
        self._s = s
        names = [part.name for part in (*where.include, *where.exclude) if isinstance(part, InZone)]
        self._zones = dict(zip(names, city_zones.find_all(s, names), strict=True))
        self._streets = cache(self._read_streets)
        self._until = time.monotonic() + READ_S

    def read(self, part: Part) -> _Read:
        if time.monotonic() > self._until:
            raise Invalid(
                _("Looking up the parts takes longer than %(read_s)s seconds.", read_s=format(READ_S, "g")),
                hint=_("Name fewer of them."),
            )
        match part:
            case InZone(name):
                kept = self._zones[name]
                return _Read(KeptShape(kept.version.geometry), (kept.zone.name,), (kept.version.id,), True)
            case Segments():
                return self._street(part)
            case Kept(wkb, versions):
                return _Read(KeptShape(wkb), (), versions, True)
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
            raise Invalid(_("A street has no name."), hint=_("Give its name or the city's id of a segment."))
        if wanted.first is None and wanted.last is not None:
            raise Invalid(
                _("The range of house numbers up to %(last)s has no beginning.", last=wanted.last),
                hint=_("Give both numbers."),
            )
        rows = self._streets(wanted.external_id, wanted.name)
        if not rows:
            raise _no_street(self._s, wanted)
        lines: list[tuple[bytes, Side]] = []
        for row in rows:
            left, right = _range(row.left_from, row.left_to), _range(row.right_from, row.right_to)
            if side := _side(left, right, wanted):
                lines.append((bytes(row.geometry), side))
        if not lines:
            raise NotFound(
                _("No part of the street is %(words)s.", words=wanted.words),
                hint=_("Leave the numbers or the side out."),
            )
        strip = Strip(tuple(lines), wanted.reach_m)
        if wanted.side == "left" or wanted.side == "right":  # residents do not know which side that is
            return _Read(strip)
        return _Read(strip, (Houses(readable(rows[0].name), wanted.first, wanted.last, wanted.side),), (), True)

    def _read_streets(self, external_id: str, name: str) -> Sequence[Any]:
        return _segments(self._s, external_id, [] if external_id else geocoder.streets_called(self._s, name))


def _place(s: Session, address: str) -> tuple[float, float]:
    """Return the place of an address if it is certain: everybody near it will be alerted. Raises NotFound otherwise."""
    found = geocoder.find(s, address)
    if found.message:
        near = [f"{match.label}?" for match in found.matches[:3]]
        raise NotFound(_("The address is not known for sure."), details=near, hint=_(found.message))
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
    hint = f"Did you mean {' or '.join(dict.fromkeys(near[:3]))}?" if near else "Import it: `tocsin streets import`."
    return NotFound(_("There is no street %(name)s.", name=repr(wanted.name or wanted.external_id)), hint=hint)


def _side(left: tuple[int, int] | None, right: tuple[int, int] | None, wanted: Segments) -> areas.Side | None:
    """Return the side of a segment that is wanted and has one of the house numbers; None if it has no such side."""

    def meant(side: str, numbers: tuple[int, int] | None) -> bool:
        if wanted.side in ("left", "right") and wanted.side != side:
            return False
        if wanted.side in ("even", "odd"):
            # A range from an even to an odd number has both.
            parities = {number % 2 for number in numbers or ()}
            if (wanted.side == "odd") not in parities:
                return False
        return wanted.first is None or (numbers is not None and _holds(numbers, wanted))

    if meant("left", left):
        return "both" if meant("right", right) else "left"
    return "right" if meant("right", right) else None


def _holds(numbers: tuple[int, int], wanted: Segments) -> bool:
    """Return whether a side has one of the wanted numbers. A single number must have the parity of the side."""
    first = wanted.first or 0
    last = first if wanted.last is None else wanted.last
    if first == last and first % 2 not in {number % 2 for number in numbers}:
        return False
    return numbers[0] <= max(first, last) and numbers[1] >= min(first, last)


def _range(a: int | None, b: int | None) -> tuple[int, int] | None:
    """Return a range of house numbers in order. Street registers write 0 where there is no number."""
    numbers = [number for number in (a, b) if number]
    return (min(numbers), max(numbers)) if numbers else None
