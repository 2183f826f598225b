"""Find where streets cross and where the middle of a street is, from the lines of their blocks."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from zones import gate
from zones.addresses.index import Candidate
from zones.addresses.ranges import Point, crossings, middle
from zones.addresses.words import readable

MOST_BLOCKS = 6_000  # read for a few streets

Meeting = tuple[str, Literal["intersection"], float, float, float, str]  # the first fields of a Match


def meetings(s: Session, first: Sequence[Candidate], second: Sequence[Candidate]) -> list[Meeting]:
    """Return the crossings of a street of `first` with one of `second`, likeliest first."""
    lines = _lines(s, [*(one.street for one in first), *(one.street for one in second)])
    found: list[Meeting] = []
    for one in first:
        for other in second:
            if one.street == other.street or not (lines[one.street] and lines[other.street]):
                continue
            score = round(min(one.score, other.score), 3)
            label, key = f"{readable(one.street)} & {readable(other.street)}", f"{one.name.key} & {other.name.key}"
            found += [
                (label, "intersection", *place, score, key)
                for place in crossings(lines[one.street], lines[other.street])
            ]
    return sorted(found, key=lambda meeting: -meeting[4])


def middles(s: Session, streets: Sequence[str]) -> dict[str, Point]:
    """Return a place about halfway along each street, from its blocks or else its houses."""
    lines = _lines(s, streets)
    found = {street: middle(lines[street]) for street in streets if lines[street]}
    missing = [street for street in streets if street not in found]
    if missing:
        rows = s.execute(text(_HOUSES), {"streets": missing})
        found |= {row.street: (row.lon, row.lat) for row in rows}
    return {street: found[street] for street in streets if street in found}


_HOUSES = """
    SELECT DISTINCT ON (street) street, lon, lat
      FROM (SELECT street, lon, lat, percent_rank() OVER (PARTITION BY street ORDER BY number) AS rank
              FROM address_points WHERE street = ANY(:streets)) AS ranked
     ORDER BY street, abs(rank - 0.5)
"""


def _lines(s: Session, streets: Sequence[str]) -> dict[str, list[BaseGeometry]]:
    rows = s.execute(
        text("SELECT upper(name) AS street, geometry FROM streets WHERE upper(name) = ANY(:streets) LIMIT :most"),
        {"streets": list(streets), "most": MOST_BLOCKS},
    ).all()
    found: dict[str, list[BaseGeometry]] = defaultdict(list)
    lines, readable = gate.readable_from_wkb(row.geometry for row in rows)
    for row, line in zip(readable, lines, strict=True):
        found[rows[row].street].append(line)
    return found
