"""Import addresses, streets and landmarks. An import replaces all rows with the same source.

It is one transaction, by COPY: readers see the old rows until it commits, and a failed import changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import shapely
from psycopg import sql
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.city.geocoder import standing
from notify.city.geocoder.standing import Table
from notify.core import audit, db
from notify.core.counting import counted
from notify.core.db import raw, take_lock
from notify.core.errors import Invalid
from notify.models import Operator
from zones.addresses.rows import AddressRow, BadRow, LandmarkRow, StreetRow
from zones.placing import Bounds

CITY = "city"  # the source of imports that name none
MOST_LISTED = 1_000  # bad rows listed in a report; all are counted
LONGEST_SOURCE = 60
ROWS_AT_ONCE = 10_000  # in one COPY; if PostgreSQL refuses a row, the others are stored all the same
_LOCK = 7_461_011  # two simultaneous imports of one source would store both sets of rows

Locate = Callable[[str], tuple[float, float] | None]  # an address -> (lon, lat), if it is certain


@dataclass(slots=True)
class Kept:
    """The result of an import. `bad` lists the first `MOST_LISTED` of `bad_count`; `replaced`: rows of the same source
    that were deleted; `notes`: about the import as a whole."""

    source: str
    kept: int = 0
    replaced: int = 0
    bad_count: int = 0
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, row: BadRow) -> None:
        self.bad_count += 1
        if len(self.bad) < MOST_LISTED:
            self.bad.append(row)


def keep_addresses(
    s: Session, rows: Iterable[AddressRow | BadRow], source: str, now: datetime, by: Operator | None = None, *,
    confirmed: bool = False,
) -> Kept:  # fmt: skip
    """Import addresses. `confirmed`: somebody has checked where they lie. Raises Invalid when no row is good, when
    longitude and latitude are swapped, and when it must be confirmed that the file is complete or lies in the city (see
    `standing`)."""
    columns = ("number", "number_to", "suffix", "street", "unit", "city", "zip", "lon", "lat")
    types = ("int4", "int4", "text", "text", "text", "text", "text", "float8", "float8")

    def values(row: AddressRow) -> tuple[Any, ...]:
        house = row.number
        to = house.last if house.last > house.number else None
        return house.number, to, house.suffix, row.street.upper(), row.unit, row.city, row.zip, row.lon, row.lat

    kept = Kept(_source(source), notes=standing.notes_of(rows, confirmed=confirmed))
    good = ((number, values(row)) for number, row in _good(rows, kept))
    return _replace(s, "address_points", columns, types, good, kept, now, by, confirmed)


def keep_streets(
    s: Session, rows: Iterable[StreetRow | BadRow], source: str, now: datetime, by: Operator | None = None, *,
    confirmed: bool = False,
) -> Kept:  # fmt: skip
    """Import streets. Raises Invalid as `keep_addresses` does."""
    numbers = ("left_from", "left_to", "right_from", "right_to")
    columns = ("external_id", "name", *numbers, "left_zip", "right_zip", "rank", "geometry", *_BOX)
    types = ("text", "text", *["int4"] * 4, "text", "text", "int2", "bytea", *["float8"] * 4)

    def values(row: StreetRow) -> tuple[Any, ...]:
        sides = (*(row.left or (None, None)), *(row.right or (None, None)))
        line = shapely.to_wkb(row.line)
        return row.external_id, row.name, *sides, row.left_zip, row.right_zip, row.rank, line, *row.line.bounds

    kept = Kept(_source(source), notes=standing.notes_of(rows, confirmed=confirmed))
    good = ((number, values(row)) for number, row in _good(rows, kept))
    return _replace(s, "streets", columns, types, good, kept, now, by, confirmed)


def keep_landmarks(
    s: Session, rows: Iterable[tuple[int, LandmarkRow] | BadRow], source: str, now: datetime, locate: Locate,
    by: Operator | None = None, *, confirmed: bool = False,
) -> Kept:  # fmt: skip
    """Import landmarks; `locate` finds those with an address only. Raises Invalid as `keep_addresses` does."""
    kept, values = Kept(_source(source), notes=standing.notes_of(rows, confirmed=confirmed)), []
    for _, (number, row) in _good(rows, kept):
        point = row.point or locate(row.address)
        if point is None:
            kept.refuse(BadRow(number, "address: it was not found with certainty."))
        else:
            values.append((number, (row.name, *point)))
    types = ("text", "float8", "float8")
    return _replace(s, "landmarks", ("name", "lon", "lat"), types, values, kept, now, by, confirmed)


def _not_swapped(s: Session, table: str, kept: Kept, city: Bounds | None) -> None:
    """Raise Invalid if more places lie in the city with longitude and latitude swapped."""
    if city is None or table == "streets":
        return
    count = sql.SQL("""
        SELECT count(*) FILTER (WHERE lon BETWEEN %(west)s AND %(east)s AND lat BETWEEN %(south)s AND %(north)s),
               count(*) FILTER (WHERE lat BETWEEN %(west)s AND %(east)s AND lon BETWEEN %(south)s AND %(north)s)
          FROM {} WHERE source = %(source)s""").format(sql.Identifier(table))
    given = dict(zip(_BOX, city, strict=True)) | {"source": kept.source}
    inside, turned = raw(s).cursor().execute(count, given).fetchone() or (0, 0)
    if turned > inside:
        raise Invalid(
            f"Are longitude and latitude swapped? If they are, {turned} of {kept.kept} places lie in the city.",
            hint="Name the columns, such as --map lon=X --map lat=Y. Nothing was changed.",
        )


_BOX = ("west", "south", "east", "north")


def _good(rows: Iterable[Any], kept: Kept) -> Iterator[tuple[int, Any]]:
    """Yield the good rows with their number among all rows of the file."""
    for number, row in enumerate(rows, 1):
        if isinstance(row, BadRow):
            kept.refuse(row)
        else:
            yield number, row


def _source(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_SOURCE or not name.isprintable():
        raise Invalid("The source needs a name of up to 60 letters.", hint="Use a name such as --source county.")
    return name


def _replace(
    s: Session, table: Table, columns: Sequence[str], types: Sequence[str], rows: Iterable[tuple[int, tuple[Any, ...]]],
    kept: Kept,
    now: datetime, by: Operator | None, confirmed: bool,
) -> Kept:  # fmt: skip
    operators.require_by(by, "administer")
    take_lock(s, _LOCK)
    named, cursor = sql.Identifier(table), raw(s).cursor()
    city = standing.city_before(s)
    kept.replaced = cursor.execute(sql.SQL("DELETE FROM {} WHERE source = %s").format(named), (kept.source,)).rowcount
    into = sql.SQL("COPY {} (source, {}) FROM STDIN (FORMAT BINARY)").format(
        named, sql.SQL(", ").join(map(sql.Identifier, columns))
    )

    def write(some: Sequence[tuple[int, tuple[Any, ...]]]) -> int:
        with cursor.copy(into) as copy:
            copy.set_types(["text", *types])
            for _, row in some:
                copy.write_row((kept.source, *row))
        return len(some)

    def refuse(one: tuple[int, tuple[Any, ...]], why: Exception) -> None:
        kept.refuse(BadRow(one[0], f"the database refused it ({db.reason(why)})."))

    numbered = iter(rows)
    while piece := list(islice(numbered, ROWS_AT_ONCE)):
        kept.kept += sum(db.in_halves(piece, write, refuse, raw(s).transaction))
    if not kept.kept:
        first = f" The first is row {kept.bad[0].number}: {kept.bad[0].reason}" if kept.bad else ""
        raise Invalid(f"{counted(kept.bad_count, 'row')}, and none can be used.{first}", hint="Nothing was changed.")
    _not_swapped(s, table, kept, city)
    if not confirmed:
        elsewhere, note = standing.leave_out_what_is_elsewhere(s, table, kept.source, city)
        kept.kept, kept.bad_count = kept.kept - elsewhere, kept.bad_count + elsewhere
        kept.notes += [note] if note else []
    cursor.execute(sql.SQL("ANALYZE {}").format(named))
    detail = {"source": kept.source, "rows": kept.kept, "bad": kept.bad_count, "replaced": kept.replaced}
    audit.note(s, now=now, by=by, action="import", subject=table, subject_id=0, **detail)
    return kept
