"""Check that imported rows lie in the city: a wrong place would send somebody's alerts to another home.

A few rows elsewhere are left out and reported. Many of them must be confirmed, and so must the first import into a city
of which nothing is known.
"""

from collections.abc import Iterable
from typing import Any, Literal

from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import zones as city_zones
from notify.core.counting import counted
from notify.core.db import raw
from notify.core.errors import Invalid
from notify.core.settings import settings
from zones import placing
from zones.files.rowfile import RowFile
from zones.placing import Bounds

Table = Literal["address_points", "streets", "landmarks", "map_features"]

FEW = 0.01  # up to this share of rows elsewhere are left out as single mistakes; more are a mistake of the whole file
ACCEPT = "Check it, and if it is right add --accept-warnings. Nothing was changed."
_PLACES = {
    "address_points": "number || ' ' || street AS called, lon AS west, lat AS south, lon AS east, lat AS north",
    "landmarks": "name AS called, lon AS west, lat AS south, lon AS east, lat AS north",
    "streets": "name AS called, west, south, east, north",
    "map_features": "coalesce(nullif(name, ''), 'one without a name') AS called, west, south, east, north",
}
_WHAT = {
    "address_points": "addresses", "landmarks": "landmarks", "streets": "blocks of streets", "map_features": "shapes"
}  # fmt: skip
_SETS = {"map_features": "layer"}  # the column by which an import replaces rows, where it is not `source`
_ELSEWHERE = "NOT (west <= %(east)s AND east >= %(west)s AND south <= %(north)s AND north >= %(south)s)"


def notes_of(rows: Iterable[Any], *, confirmed: bool) -> list[str]:
    """Return the notes on a file as a whole. Raises Invalid if a doubt about it must be confirmed first."""
    if not isinstance(rows, RowFile):
        return []
    if rows.doubts and not confirmed:
        raise Invalid(" ".join(rows.doubts), hint=ACCEPT)
    return [*rows.notes, *rows.doubts]


def city_before(s: Session) -> Bounds | None:
    """Return the city's bounds before an import: of its zones and streets, or else its addresses and landmarks, or else
    around TOCSIN_CITY_CENTER. None: nothing is known.

    Rows that the import will replace count too, because the next edition of a file is about the same city.
    """
    known = city_zones.bounds(s)
    if known is None:
        west, south, east, north = s.execute(text(_POINTS)).one()
        known = None if west is None else (west, south, east, north)
    return known or placing.around(settings().center)


_POINTS = """
    SELECT min(lon), min(lat), max(lon), max(lat)
      FROM (SELECT lon, lat FROM address_points UNION ALL SELECT lon, lat FROM landmarks) AS points
"""


def leave_out_what_is_elsewhere(s: Session, table: Table, source: str, city: Bounds | None) -> tuple[int, str]:
    """Delete the few rows of this import that lie outside the city. Return their number and a sentence about them.

    `source` names what the import replaces; for `map_features` it is a layer. Raises Invalid with a question if there
    are many of them, or if nothing is known of the city.
    """
    cursor = raw(s).cursor()
    named, ours = sql.Identifier(table), sql.Identifier(_SETS.get(table, "source"))
    rows = sql.SQL("(SELECT {} FROM {} WHERE {} = %(source)s) AS rows").format(sql.SQL(_PLACES[table]), named, ours)
    if city is None:
        found = cursor.execute(
            sql.SQL("SELECT min(west), min(south), max(east), max(north) FROM {}").format(rows), {"source": source}
        ).fetchone()
        assert found is not None  # noqa: S101  an aggregate has a row
        raise Invalid(placing.unknown_city((found[0], found[1], found[2], found[3])), hint=ACCEPT)
    box = dict(zip(("west", "south", "east", "north"), placing.surroundings(city), strict=True))
    given: dict[str, Any] = {"source": source, **box}
    count = sql.SQL("""
        SELECT count(*), count(*) FILTER (WHERE {elsewhere}), min(west) FILTER (WHERE {elsewhere}),
               min(south) FILTER (WHERE {elsewhere}), max(east) FILTER (WHERE {elsewhere}),
               max(north) FILTER (WHERE {elsewhere}), min(called) FILTER (WHERE {elsewhere})
          FROM {rows}""").format(elsewhere=sql.SQL(_ELSEWHERE), rows=rows)
    every, elsewhere, west, south, east, north, called = cursor.execute(count, given).fetchone() or (0,) * 7
    if not elsewhere:
        return 0, ""
    away = placing.kilometres((west, south, east, north), city)
    if elsewhere > FEW * every:
        raise Invalid(
            f"{elsewhere:,} of {every:,} {_WHAT[table]} lie outside the city, the nearest {away:,.0f} km from it.",
            hint=f"Is the coordinate system right? --crs overrides the one in the file. {ACCEPT}",
        )
    where = _ELSEWHERE if table in ("streets", "map_features") else (
        "NOT (lon BETWEEN %(west)s AND %(east)s AND lat BETWEEN %(south)s AND %(north)s)"
    )  # fmt: skip
    delete = sql.SQL("DELETE FROM {} WHERE {} = %(source)s AND {}").format(named, ours, sql.SQL(where))
    cursor.execute(delete, given)
    return elsewhere, f"Left out, at least {away:,.0f} km from the city: {counted(elsewhere, 'row')}, such as {called}"
