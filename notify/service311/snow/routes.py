"""The city's snow emergency routes: imported block by block, found by an address, and drawn as corridors."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import cos, radians

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit
from notify.core.counting import counted
from notify.core.db import take_lock
from notify.core.errors import Invalid
from notify.models import Operator, SnowRoute
from zones import gate
from zones.addresses.rows import BadRow, StreetRow
from zones.addresses.streets import StreetName, street_name
from zones.areas import corridor

# An address is on a route of its street's name that runs within this distance: lots are deep, and points of addresses
# rough. A wrong yes to "may I park here?" costs a car, a wrong no a walk.
NEAR_M = 250.0
AT_M = 20.0  # a point without a street is on the route that runs past it
# On both sides of the line: the houses along it, and the street itself. Who lives between reads both rules, that of the
# route and that of the other streets: a house at a corner may stand on either.
CORRIDOR_M, ROADWAY_M = 60.0, 8.0
METRES_A_DEGREE = 111_320
LONGEST = 60  # characters of a class or a source
MOST_BAD = 1_000
LOCK = 7_461_032
ROWS_AT_ONCE = 2_000


@dataclass
class Kept:
    """The result of an import."""

    source: str
    kept: int = 0
    replaced: int = 0
    bad_count: int = 0
    bad: list[BadRow] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)  # blocks of each


@dataclass(frozen=True, slots=True)
class OnRoute:
    """`street`: as the file of routes writes it."""

    street: str
    route_class: str


def keep(
    s: Session,
    rows: Iterable[StreetRow | BadRow],
    source: str,
    now: datetime,
    by: Operator | None = None,
    route_class: str = "",
) -> Kept:
    """Import routes: they replace those of the same source. `route_class`: of blocks whose row has none.

    Raises NotAllowed; Invalid when no row can be used, or a name is too long.
    """
    operators.require_by(by, "administer")
    kept = Kept(_name(source, "source"))
    if not kept.source:
        raise Invalid("The source needs a name.", hint="Use a name such as --source city.")
    take_lock(s, LOCK)
    kept.replaced = s.scalar(select(func.count()).where(SnowRoute.source == kept.source)) or 0
    s.execute(delete(SnowRoute).where(SnowRoute.source == kept.source))
    found: list[dict[str, object]] = []
    for row in rows:
        if isinstance(row, BadRow):
            kept.bad_count += 1
            kept.bad += [row] if len(kept.bad) < MOST_BAD else []
            continue
        called = _name(row.route_class or route_class, "class")
        west, south, east, north = row.line.bounds
        box = {"west": west, "south": south, "east": east, "north": north}
        line = shapely.to_wkb(row.line)
        found.append({"street": row.name, "route_class": called, "source": kept.source, "geometry": line, **box})
        kept.classes[called] = kept.classes.get(called, 0) + 1
    for start in range(0, len(found), ROWS_AT_ONCE):
        s.execute(insert(SnowRoute), found[start : start + ROWS_AT_ONCE])
    kept.kept = len(found)
    if not found:
        first = f" The first is row {kept.bad[0].number}: {kept.bad[0].reason}" if kept.bad else ""
        raise Invalid(f"{counted(kept.bad_count, 'row')}, and none can be used.{first}", hint="Nothing was changed.")
    detail = {"source": kept.source, "rows": kept.kept, "bad": kept.bad_count, "replaced": kept.replaced}
    audit.note(s, now=now, by=by, action="import", subject="snow routes", subject_id=0, **detail)
    return kept


def classes(s: Session) -> Sequence[str]:
    """Return the classes of the routes, by name; none if there are no routes."""
    return s.scalars(select(SnowRoute.route_class).distinct().order_by(SnowRoute.route_class)).all()


def at(s: Session, lon: float, lat: float, street: str) -> OnRoute | None:
    """Return the route that an address in degrees is on: one of its street's name next to it; of a place without a
    street, the one that runs past it. None for a street that is no route: a house at the corner of one is on its own
    street."""
    reach = NEAR_M / METRES_A_DEGREE
    wide = reach / max(cos(radians(lat)), 0.01)
    near = s.execute(
        select(SnowRoute.street, SnowRoute.route_class, SnowRoute.geometry).where(
            SnowRoute.west <= lon + wide, SnowRoute.east >= lon - wide,
            SnowRoute.south <= lat + reach, SnowRoute.north >= lat - reach,
        )
    ).all()  # fmt: skip
    lines, readable = gate.readable_from_wkb(row.geometry for row in near)
    meant = street_name(street) if street else None
    found = []
    for line, number in zip(lines, readable, strict=True):
        row, far = near[number], _metres(line, lon, lat)
        if far <= (NEAR_M if meant else AT_M) and (meant is None or _same(meant, street_name(row.street))):
            found.append((far, row.street, row.route_class))
    return OnRoute(*min(found)[1:]) if found else None


def corridors(s: Session, reach_m: float = CORRIDOR_M) -> dict[str, BaseGeometry]:
    """Return the area along the routes of each class, in WGS 84."""
    by_class: dict[str, list[bytes]] = defaultdict(list)
    for row in s.execute(select(SnowRoute.route_class, SnowRoute.geometry)).all():
        by_class[row.route_class].append(row.geometry)
    return {
        route_class: corridor(shapely.union_all(gate.readable_from_wkb(lines)[0]), reach_m)
        for route_class, lines in by_class.items()
    }


def _metres(line: BaseGeometry, lon: float, lat: float) -> float:
    """Return how far a line is from a point, on a plane that touches the globe there."""
    stretched = shapely.transform(
        line, lambda xy: (xy - (lon, lat)) * (METRES_A_DEGREE * cos(radians(lat)), METRES_A_DEGREE)
    )
    return float(stretched.distance(shapely.Point(0, 0)))


def _same(one: StreetName, other: StreetName) -> bool:
    """Whether two names are of one street. Files leave types and directions out; nobody writes a wrong one."""

    def agree(first: str, second: str) -> bool:
        return not first or not second or first == second

    return (
        one.core == other.core
        and agree(one.kind, other.kind)
        and agree(one.before, other.before)
        and agree(one.after, other.after)
    )


def _name(given: str, what: str) -> str:
    name = " ".join(given.split())
    if len(name) > LONGEST or not name.isprintable():
        raise Invalid(f"The {what} {name[:LONGEST]!r} is too long or not printable.", hint="Use up to 60 letters.")
    return name
