"""Where residents say that service is still out: counted once a resident and outage, by zone and by square.

A report holds no address and no point: the square of CELL degrees that the place is in is some 250 m wide, a block or
two. Counts are for staff, who send crews; nothing of them is public.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city.outline import BEHIND
from notify.service311.calls.log import zone_at

CELL = 0.0025  # degrees: 280 m from south to north, and 215 m from west to east at 40 degrees
KEPT = timedelta(days=30)  # after the last word of a resident about it


@dataclass(frozen=True, slots=True)
class Counted:
    """Residents who say so. `since`: of them, those who have said it since service was restored. `called`: the name of
    the zone, "" outside of all."""

    called: str
    residents: int
    since: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A square with reports, by its middle in degrees."""

    lon: float
    lat: float
    residents: int
    since: int


@dataclass(frozen=True, slots=True)
class Reports:
    """`zones`, `cells`: those with the most first. `last_at`: of the newest report, None without any."""

    residents: int
    since: int
    last_at: datetime | None
    zones: Sequence[Counted]
    cells: Sequence[Cell]


def note(s: Session, outage_id: int, subscriber_id: int, lon: float, lat: float, now: datetime) -> bool:
    """Note that service is out at a resident's place. Returns False if they have told so before: then only the time is
    new."""
    made: bool = s.execute(
        text("""INSERT INTO outage_reports (outage_id, subscriber_id, at, last_at, zone_id, cell_x, cell_y)
                VALUES (:outage, :resident, :now, :now, :zone, :x, :y)
                ON CONFLICT (outage_id, subscriber_id)
                DO UPDATE SET last_at = greatest(outage_reports.last_at, excluded.last_at)
                RETURNING xmax = 0"""),
        {"outage": outage_id, "resident": subscriber_id, "now": now, "zone": zone_at(s, lon, lat, BEHIND)}
        | {"x": math.floor(lon / CELL), "y": math.floor(lat / CELL)},
    ).scalar_one()
    return made


def of_outage(s: Session, outage_id: int, restored_at: datetime | None) -> Reports:
    """Return the counts of an outage. `restored_at`: None while service is out."""
    rows = s.execute(text(_COUNTS), {"outage": outage_id, "restored_at": restored_at}).all()
    whole = next(row for row in rows if row.of == 0)
    zones = [Counted(row.called, row.residents, row.since) for row in rows if row.of == 1]
    cells = [
        Cell((row.cell_x + 0.5) * CELL, (row.cell_y + 0.5) * CELL, row.residents, row.since)
        for row in rows
        if row.of == 2
    ]  # fmt: skip
    return Reports(whole.residents, whole.since, whole.last_at, zones, cells)


# `of`: the whole, a zone, or a square.
_COUNTS = """
    WITH told AS (
        SELECT r.cell_x, r.cell_y, r.last_at, coalesce(z.name, '') AS called,
               coalesce(r.last_at >= CAST(:restored_at AS timestamptz), false) AS is_since
          FROM outage_reports r LEFT JOIN zones z ON z.id = r.zone_id
         WHERE r.outage_id = :outage
    )
    SELECT CASE WHEN grouping(called) = 0 THEN 1 WHEN grouping(cell_x) = 0 THEN 2 ELSE 0 END AS of,
           called, cell_x, cell_y, count(*) AS residents, count(*) FILTER (WHERE is_since) AS since,
           max(last_at) AS last_at
      FROM told GROUP BY GROUPING SETS ((), (called), (cell_x, cell_y))
     ORDER BY residents DESC, called, cell_x, cell_y
"""


def forget_old(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM outage_reports WHERE last_at < :old"), {"old": now - KEPT})
