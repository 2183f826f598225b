"""Find a house number on some streets: the house's own point, or a place on the number range of its block."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from zones import gate
from zones.addresses.ranges import Point, Side, metres, place_on
from zones.addresses.readings import WIDEST_RANGE, HouseNumber
from zones.addresses.words import readable

SAME_HOUSE_M = 150.0  # points of one address within this distance are one house, or its units
SAME_BLOCK_M = 600.0  # the same for a place on a block's range and the house's own point: blocks may be long
OTHER_SUFFIX = 0.04  # deducted when 1234 was asked for and 1234A found
OTHER_LETTER = 0.31  # deducted for 1234B: enough that it is never certain


@dataclass(frozen=True, slots=True)
class House:
    """A number on a street. `less`: deducted from the score when the number is not quite the one asked for."""

    kind: Literal["point", "range"]
    street: str  # as stored
    number: str
    city: str
    zip: str
    lon: float
    lat: float
    less: float = 0.0

    @property
    def point(self) -> Point:
        return self.lon, self.lat

    @property
    def label(self) -> str:
        town = " ".join(part for part in (self.city.title() if self.city.isupper() else self.city, self.zip) if part)
        return f"{self.number} {readable(self.street)}" + (f", {town}" if town else "")


class Numbers:
    """The stored numbers of streets. Those that were read ahead need no statement of their own."""

    def __init__(self, s: Session) -> None:
        self._s = s
        self._read: dict[tuple[str, int], list[Any]] = {}

    def read_ahead(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Read many pairs of a street and a number in one statement, in place of those that were read before."""
        pairs = list(dict.fromkeys(wanted))
        self._read = {pair: [] for pair in pairs}
        given = {"streets": [street for street, _ in pairs], "numbers": [n for _, n in pairs], "widest": WIDEST_RANGE}
        for row in self._s.execute(text(_MANY_HOUSES), given):
            self._read[row.asked_street, row.asked_number].append(row)

    def of(self, streets: Sequence[str], number: int) -> Sequence[Any]:
        pairs = [(street, number) for street in streets]
        if all(pair in self._read for pair in pairs):
            return [row for pair in pairs for row in self._read[pair]]
        given = {"streets": list(streets), "number": number, "widest": WIDEST_RANGE}
        return self._s.execute(text(_HOUSES), given).all()


def houses(
    numbers: Numbers, streets: Sequence[str], number: HouseNumber, unit: str, hyphened: Collection[str]
) -> list[House]:
    """Return houses with this number on any of the streets, several of one street if they are far apart.

    `hyphened`: streets on which 12-34 is one number, as in Queens.
    """
    if not streets:
        return []
    rows = numbers.of(streets, number.number)
    found = [_point(row, number, unit, row.street in hyphened) for row in rows if row.geometry is None]
    points = [house for _, house in sorted((one for one in found if one), key=lambda one: one[0])]
    ranges = [house for row in rows if row.geometry is not None and (house := _range(row, number)) is not None]
    if number.is_of_grid or (number.is_hyphened and (hyphened or number.last == number.number)):
        ranges = []  # we cannot read ranges of grid numbers or of hyphenated numbers as in Queens
    kept: list[House] = []
    for house in [*points, *ranges]:
        if not any(_same(house, other) for other in kept):
            kept.append(house)
    return kept


# One round trip, because a form asks while somebody types.
_HOUSES = """
    (SELECT street, number, suffix, unit, city, zip, lon, lat,
            NULL::int AS left_from, NULL::int AS left_to, NULL::int AS right_from, NULL::int AS right_to,
            '' AS right_zip, NULL::bytea AS geometry
       FROM address_points WHERE street = ANY(:streets) AND number = :number LIMIT 2000)
     UNION ALL
    (SELECT street, number, suffix, unit, city, zip, lon, lat, NULL, NULL, NULL, NULL, '', NULL
       FROM address_points
      WHERE street = ANY(:streets) AND number_to IS NOT NULL AND number < :number AND number >= :number - :widest
        AND number_to >= :number LIMIT 500)
     UNION ALL
    (SELECT upper(name), NULL, '', '', '', left_zip, NULL, NULL, left_from, left_to, right_from, right_to,
            right_zip, geometry
       FROM streets
      WHERE upper(name) = ANY(:streets)
        AND (:number BETWEEN least(left_from, left_to) AND greatest(left_from, left_to)
             OR :number BETWEEN least(right_from, right_to) AND greatest(right_from, right_to)) LIMIT 500)
"""

_MANY_HOUSES = """
    WITH asked AS (SELECT * FROM unnest(CAST(:streets AS text[]), CAST(:numbers AS int[])) AS a (street, number))
    SELECT a.street AS asked_street, a.number AS asked_number, p.street, p.number, suffix, unit, city, zip, lon, lat,
           NULL::int AS left_from, NULL::int AS left_to, NULL::int AS right_from, NULL::int AS right_to,
           '' AS right_zip, NULL::bytea AS geometry
      FROM asked a JOIN address_points p ON p.street = a.street AND p.number = a.number
     UNION ALL
    SELECT a.street, a.number, p.street, p.number, suffix, unit, city, zip, lon, lat, NULL, NULL, NULL, NULL, '', NULL
      FROM asked a JOIN address_points p ON p.street = a.street AND p.number_to IS NOT NULL AND p.number < a.number
       AND p.number >= a.number - :widest AND p.number_to >= a.number
     UNION ALL
    SELECT a.street, a.number, upper(s.name), NULL, '', '', '', left_zip, NULL, NULL, left_from, left_to, right_from,
           right_to, right_zip, geometry
      FROM asked a JOIN streets s ON upper(s.name) = a.street
       AND (a.number BETWEEN least(left_from, left_to) AND greatest(left_from, left_to)
            OR a.number BETWEEN least(right_from, right_to) AND greatest(right_from, right_to))
"""


def _point(row: Any, number: HouseNumber, unit: str, hyphened: bool) -> tuple[tuple[float, bool], House] | None:
    """Return a house and its sort key: the exact number first, then the unit asked for."""
    kept = HouseNumber(row.number, row.suffix)
    less = _difference(kept, number, hyphened)
    if less is None:
        return None
    asked = unit.split()[-1:]
    other_unit = row.unit.upper().replace("#", " ").split()[-1:] != asked
    house = House("point", row.street, str(kept), row.city, row.zip, row.lon, row.lat, less)
    return (less, other_unit), house


def _difference(kept: HouseNumber, asked: HouseNumber, hyphened: bool) -> float | None:
    """Return the deduction from the score, or None if it is another number."""
    if kept.suffix.upper() == asked.suffix.upper() and kept.number == asked.number:
        return 0.0
    if kept.is_of_grid or asked.is_of_grid:
        return None  # N95W18000 and N96W18000 are a mile apart
    either = kept if kept.is_hyphened else asked
    if either.is_hyphened and (hyphened or either.last == either.number or (kept.is_hyphened and asked.is_hyphened)):
        return None  # 37-12 in Queens is not 37, but 2801-07 is 2801
    if kept.number == asked.number:
        return OTHER_LETTER if kept.suffix and asked.suffix and not either.is_hyphened else OTHER_SUFFIX
    within = kept.number < asked.number <= kept.last and (asked.number - kept.number) % 2 == 0
    return OTHER_SUFFIX if within else None


def _range(row: Any, number: HouseNumber) -> House | None:
    left, right = Side(row.left_from, row.left_to, True), Side(row.right_from, row.right_to, False)
    lines, _ = gate.readable_from_wkb([row.geometry])  # a damaged line counts as none
    place = place_on(lines[0], number.number, (left, right)) if len(lines) else None
    if place is None:
        return None
    zip_code = row.zip if left.share(number.number) is not None else row.right_zip
    less = OTHER_SUFFIX if number.suffix and not number.is_hyphened else 0.0
    return House("range", row.street, str(number), "", zip_code, *place, less)


def _same(house: House, other: House) -> bool:
    near = SAME_HOUSE_M if house.kind == other.kind else SAME_BLOCK_M
    return house.street == other.street and metres(house.point, other.point) <= near
