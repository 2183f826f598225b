"""How many residents of each zone are signed up, against its addresses and, where the city gives it, its population.

Counts are rounded down to tens: a zone may have few residents, and fewer who speak a language.
"""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.city import zones as city_zones
from notify.city.outline import Label, outline
from notify.city.zones import KeptZone
from notify.core import audit, points
from notify.core.db import one_moment, raw
from notify.core.errors import Invalid
from notify.core.small_numbers import rounded
from notify.models import Operator, ZonePopulation
from zones import gate
from zones.membership import Membership

Floats = NDArray[np.float64]
# Of the residents to whom something can be sent: a verified contact that has not opted out of everything.
_ENROLLED = """
    EXISTS (SELECT FROM contacts c WHERE c.subscriber_id = {resident} AND c.verified_at IS NOT NULL
               AND c.address_sealed IS NOT NULL
               AND NOT EXISTS (SELECT FROM suppressions x WHERE x.topic IS NULL
                                  AND (x.channel, x.address_index) = (c.channel, c.address_index)))"""
_PLACES = f"""
    SELECT string_agg({points.SENT}, '') FROM places WHERE {_ENROLLED.format(resident="places.subscriber_id")}"""
_LANGUAGES = f"""
    SELECT language, string_agg(int8send(id), '') FROM subscribers
     WHERE {_ENROLLED.format(resident="subscribers.id")} GROUP BY language ORDER BY language"""
_ADDRESSES = "SELECT string_agg(float8send(lon) || float8send(lat), '') FROM address_points"
_ID, _POINT = np.dtype(">i8"), np.dtype([("lon", ">f8"), ("lat", ">f8")])  # as PostgreSQL's send functions write them


@dataclass(frozen=True, slots=True)
class ZoneCoverage:
    """`residents`, `languages`: of those signed up with a place in the zone, rounded down to tens. `addresses`: of the
    city's file. `population` None: not known. `share`: residents for each inhabitant or address; None without either.
    `path`: its outline in the drawing, "" if it is not drawn."""

    zone_id: int
    zone: str
    residents: int
    addresses: int
    population: int | None
    languages: Mapping[str, int]
    path: str = ""
    of: int = 0  # what `share` is a share of
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """`zones`: the least covered ones first, then those of which nothing is known. `elsewhere`: residents with places
    in none of the zones. `damaged`: the names of zones whose shape cannot be read. `by_population`: the shares are
    those of the population, which is known of all zones; else of the addresses. `names`: on the drawing, of the zones
    that have room for theirs."""

    kind: str
    at: datetime
    zones: Sequence[ZoneCoverage]
    residents: int
    elsewhere: int
    width: int
    height: int
    damaged: Sequence[str]
    by_population: bool
    names: Sequence[Label] = ()

    @property
    def average(self) -> float:
        """The share of all zones together that have one."""
        counted = [one for one in self.zones if one.share is not None]
        of = sum(one.of for one in counted)
        return sum(one.residents for one in counted) / of if of else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "at": self.at.isoformat(),
            "by_population": self.by_population,
            "residents": self.residents,
            "elsewhere": self.elsewhere,
            "zones": [
                {
                    "zone": one.zone,
                    "residents": one.residents,
                    "addresses": one.addresses,
                    "population": one.population,
                    "share": None if one.share is None else round(one.share, 4),
                    "languages": dict(one.languages),
                }
                for one in self.zones
            ],
        }


def kinds(s: Session) -> list[str]:
    """Return the kinds of zones that the city has, the one that residents know best first."""
    there = {one.zone.kind for one in city_zones.all_zones(s)}
    return [kind for kind in city_zones.KINDS if kind in there]


def measure(kind: str, now: datetime) -> Coverage:
    """Count the residents of every zone of a kind. Raises Invalid for an unknown kind."""
    if kind not in city_zones.KINDS:
        raise Invalid(f"{kind!r} is not a kind of zone.", hint=f"Use one of {', '.join(city_zones.KINDS)}.")
    with one_moment() as s:
        kept = city_zones.all_zones(s, kind)
        places = np.frombuffer(_bytes(s, _PLACES), dtype=points.ROW)
        languages = [
            (language, np.frombuffer(ids, dtype=_ID).astype(np.int64)) for language, ids in _rows(s, _LANGUAGES)
        ]
        homes = np.frombuffer(_bytes(s, _ADDRESSES), dtype=_POINT)
        people = {
            row.name: row.population
            for row in s.execute(text("SELECT name, population FROM zone_populations WHERE kind = :k"), {"k": kind})
        }
    residents = places["subscriber_id"].astype(np.int64)
    lon, lat, readable = points.open_all(residents, places["point_sealed"])
    lived = _Points(lon[readable], lat[readable])
    owners, addresses = residents[readable], _Points(homes["lon"].astype(float), homes["lat"].astype(float))
    spoken = _spoken(owners, languages)
    shapes, sound = gate.readable_from_wkb(one.version.geometry for one in kept)
    shaped = [kept[row] for row in sound.tolist()]
    damaged = sorted({one.zone.name for one in kept} - {one.zone.name for one in shaped})
    drawing = outline(shaped[0].version.geometry, shaped) if shaped else None
    found, somewhere = [], np.zeros(owners.size, dtype=bool)
    for number, (one, shape) in enumerate(zip(shaped, shapes.tolist(), strict=True)):
        area = Membership(shape)
        inside = lived.inside(area)
        somewhere[inside] = True
        path = drawing.around[number] if drawing and number < len(drawing.around) else ""
        found.append(_zone(one, owners[inside], spoken[inside], addresses.inside(area).size, people, languages, path))
    by_population = bool(found) and all(one.population is not None for one in found)
    ranked = sorted((_shared(one, by_population) for one in found), key=_worst_first)
    return Coverage(
        kind, now, ranked, rounded(np.unique(owners).size),
        rounded(np.setdiff1d(owners, owners[somewhere]).size),
        drawing.width if drawing else 0, drawing.height if drawing else 0, damaged, by_population,
        drawing.names if drawing else (),
    )  # fmt: skip


def set_populations(
    s: Session, kind: str, file: str | os.PathLike[str], now: datetime, by: Operator | None
) -> Sequence[str]:
    """Store how many people live in each zone of a kind, from a CSV with the columns zone and population, in place of
    what was stored. Return the zones of the kind that are not in it.

    Raises Invalid for a file that cannot be used, or that names a zone that there is not.
    """
    operators.require_by(by, "administer")
    names = {one.zone.name.casefold(): one.zone.name for one in city_zones.all_zones(s, kind)}
    given: dict[str, int] = {}
    for line, (zone, number) in _populations(file):
        if zone.casefold() not in names:
            raise Invalid(
                f"Line {line}: there is no zone {zone!r} of the kind {kind}.", hint="`tocsin zones list` shows all."
            )
        if names[zone.casefold()] in given:
            raise Invalid(f"Line {line}: the zone {zone!r} is there twice.", hint="Keep one of its lines.")
        given[names[zone.casefold()]] = number
    s.execute(delete(ZonePopulation).where(ZonePopulation.kind == kind))
    if given:
        s.execute(
            insert(ZonePopulation),
            [{"kind": kind, "name": name, "population": number, "at": now} for name, number in given.items()],
        )
    audit.note(s, now=now, by=by, action="import", subject="populations", subject_id=0, kind=kind, zones=len(given))
    return sorted(set(names.values()) - given.keys())


class _Points:
    """Points from west to east, so that a zone looks at those between its own edges only."""

    def __init__(self, lon: Floats, lat: Floats) -> None:
        self._order = np.argsort(lon)
        self._lon, self._lat = lon[self._order], lat[self._order]

    def inside(self, area: Membership) -> NDArray[np.intp]:
        west, _, east, _ = area.bounds
        some = slice(np.searchsorted(self._lon, west, "left"), np.searchsorted(self._lon, east, "right"))
        return self._order[some][area.inside(self._lon[some], self._lat[some])]


def _zone(
    one: KeptZone, owners: NDArray[np.int64], spoken: NDArray[np.intp], addresses: int, people: Mapping[str, int],
    languages: Sequence[tuple[str, NDArray[np.int64]]], path: str,
) -> ZoneCoverage:  # fmt: skip
    residents, first = np.unique(owners, return_index=True)
    counts = np.bincount(spoken[first], minlength=len(languages)) if residents.size else np.zeros(len(languages), int)
    by_language = {name: rounded(int(n)) for (name, _), n in zip(languages, counts, strict=True) if rounded(int(n))}
    most_first = dict(sorted(by_language.items(), key=lambda pair: (-pair[1], pair[0])))
    return ZoneCoverage(
        one.zone.id, one.zone.name, rounded(residents.size), addresses, people.get(one.zone.name), most_first, path
    )


def _spoken(owners: NDArray[np.int64], languages: Sequence[tuple[str, NDArray[np.int64]]]) -> NDArray[np.intp]:
    """Return the number of the language of each place's resident."""
    spoken = np.zeros(owners.size, dtype=np.intp)
    for number, (_, ids) in enumerate(languages):
        spoken[np.isin(owners, ids)] = number
    return spoken


def _shared(one: ZoneCoverage, by_population: bool) -> ZoneCoverage:
    of = (one.population if by_population else one.addresses) or 0
    return replace(one, of=of, share=one.residents / of if of else None)


def _worst_first(one: ZoneCoverage) -> tuple[bool, float, str]:
    return one.share is None, one.share or 0.0, one.zone


def _populations(file: str | os.PathLike[str]) -> Iterator[tuple[int, tuple[str, int]]]:
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:  # noqa: PTH123  a path of any kind
            rows = csv.DictReader(lines)
            if not {"zone", "population"} <= {(name or "").strip().lower() for name in rows.fieldnames or ()}:
                raise Invalid("The columns zone and population are missing.", hint="Its first line must name them.")
            for row in rows:
                cells = {
                    (name or "").strip().lower(): (cell or "") for name, cell in row.items() if isinstance(cell, str)
                }
                digits = cells["population"].replace(",", "").strip()
                if not (digits.isascii() and digits.isdecimal() and int(digits) < 2**31):
                    raise Invalid(f"Line {rows.line_num}: the population is not a whole number.")
                yield rows.line_num, (" ".join(cells["zone"].split()), int(digits))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"The file cannot be read: {error}.", hint="Save it as CSV in UTF-8.") from None


def _bytes(s: Session, query: str) -> bytes:
    return next(iter(_rows(s, query)))[0] or b""


def _rows(s: Session, query: str) -> list[Any]:
    with raw(s).cursor(binary=True) as cursor:
        return cursor.execute(query).fetchall()
