"""Draw what is in force over the city's zones as an SVG, so that it is seen without scripts."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts.situation import Item, Situation
from notify.city import basemap, coverage
from notify.city.basemap import Zones
from notify.city.outline import BEHIND, LETTER, LINE, MARGIN, MOST_BEHIND, SIZE, Label, Pen
from notify.core.kept_results import KeptResults
from notify.outside.warnings import Warned
from zones import gate

MOST = 40  # areas in one drawing
MARK = 1.8  # a digit of an alert's number is as wide as so many letters of a name


@dataclass(frozen=True, slots=True)
class Drawing:
    """Paths of an SVG. `around`: zones, path and name; `names`: of those that have room for it; `marks`: the number of
    each alert in its area, of several in one place together. `areas`: alert, path, and between them its lane, "clear"
    for an all-clear or "rehearsed" for exercises and tests; `gaps`: zones beside a danger that have no message;
    `others`: areas of other agencies' warnings, which do not widen the drawing."""

    width: int
    height: int
    around: tuple[tuple[str, str], ...]
    areas: tuple[tuple[int, str, str], ...]
    gaps: tuple[str, ...]
    names: tuple[Label, ...]
    marks: tuple[Label, ...]
    others: tuple[str, ...] = ()


_kept: KeptResults[tuple[object, ...], Drawing | None] = KeptResults(most=4)


def draw(s: Session, now: Situation, others: Sequence[Warned] = ()) -> Drawing | None:
    """Draw the areas of the alerts in force, the gaps, and what others warn of. None while the city has no zones and
    no alert an area."""
    edition = basemap.current(s)
    shown = on_map(now)
    outlines = [(one.id, one.area) for one in others if one.area is not None][:MOST]
    revisions = coverage.revisions(s, [one.id for one in shown])
    looks = tuple((one.id, look(one)) for one in shown)
    gaps = frozenset(one.zone for one in now.coverage.gaps)

    def make() -> Drawing | None:
        return _drawn(basemap.zones_now(s, edition), stored(s, shown), gaps, [area for _, area in outlines])

    return _kept.get((edition.zones, gaps, looks, revisions, tuple(number for number, _ in outlines)), make)


def on_map(now: Situation) -> list[Item]:
    """The alerts whose areas are drawn, emergencies first."""
    return [one for one in now.in_force if one.area_hash and not one.is_replaced][:MOST]


def stored(s: Session, shown: Sequence[Item]) -> list[tuple[int, str, bytes]]:
    """Number, look and area (WKB) of these alerts, where they still hold; the first one last, so that it is on top."""
    rows = s.execute(text(_AREAS), {"ids": [one.id for one in shown]}).all()
    areas = {row.id: bytes(row.area) for row in rows}
    return [(one.id, look(one), areas[one.id]) for one in reversed(shown)]


_AREAS = """
    SELECT a.id, coalesce(t.left_area, a.area) AS area FROM alerts a LEFT JOIN standings t ON t.alert_id = a.id
     WHERE a.id = ANY(:ids)
"""


def look(one: Item) -> str:
    """How an area is drawn: as its lane, as "clear" after an all-clear, or as "rehearsed"."""
    if one.status != "Actual":
        return "rehearsed"
    return "clear" if one.is_over else str(one.lane)


def _drawn(
    zones: Zones, stored: list[tuple[int, str, bytes]], gaps: frozenset[int], others: list[bytes]
) -> Drawing | None:
    shapes, readable = gate.readable_from_wkb(area for _, _, area in stored)
    areas = [(*stored[row][:2], shape) for row, shape in zip(readable.tolist(), shapes.tolist(), strict=True)]
    kinds = [one["kind"] for one in zones.about]
    usual = BEHIND if BEHIND in kinds else max(set(kinds), key=kinds.count, default="")
    behind = [row for row, kind in enumerate(kinds) if kind == usual][:MOST_BEHIND]
    missing = [row for row, one in enumerate(zones.about) if one["id"] in gaps]
    every = [*zones.shapes[behind].tolist(), *(shape for *_, shape in areas)]
    if not every:
        return None
    west, south, east, north = shapely.total_bounds(np.array(every, dtype=object)).tolist()
    squeeze = max(math.cos(math.radians((south + north) / 2)), 0.05)
    scale = (SIZE - 2 * MARGIN) / max((east - west) * squeeze, north - south, 1e-9)
    pen = Pen(west, north, scale * squeeze, scale)
    width, height = pen.at(east, south)
    return Drawing(
        math.ceil(width + MARGIN),
        math.ceil(height + MARGIN),
        tuple((pen.path(zones.shapes[row]), str(zones.about[row]["name"])) for row in behind),
        tuple((alert, lane, pen.path(shape)) for alert, lane, shape in areas),
        tuple(pen.path(zones.shapes[row]) for row in missing),
        tuple(pen.names((str(zones.about[row]["name"]), zones.shapes[row]) for row in behind)),
        tuple(_marks([(alert, shape) for alert, _, shape in areas], pen)),
        tuple(pen.path(shape) for shape in gate.readable_from_wkb(others)[0].tolist()),
    )


def _marks(areas: list[tuple[int, BaseGeometry]], pen: Pen) -> Iterator[Label]:
    """Return the number of each alert, in one label where those of several would cover each other."""
    labels: list[tuple[float, float, list[int]]] = []
    for alert, shape in areas:
        inside = shape.representative_point()
        x, y = pen.at(inside.x, inside.y)
        for there_x, there_y, numbers in labels:
            wide = LETTER * MARK * (len(_listed(numbers)) + len(str(alert))) / 2
            if abs(x - there_x) < wide + LINE and abs(y - there_y) < LINE:
                numbers.append(alert)
                break
        else:
            labels.append((x, y, [alert]))
    for x, y, numbers in labels:
        yield Label(_listed(numbers), round(x, 1), round(y - LINE / 2, 1))


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
