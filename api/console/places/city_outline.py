"""Draw what is in force over the city's zones as an SVG, so that it is seen without scripts."""

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts.situation import Item, Situation
from notify.city import basemap
from notify.city.basemap import Zones
from notify.city.outline import MARGIN, MOST_BEHIND, SIZE, Pen
from notify.outside.warnings import Warned
from zones import gate

KEPT = 4  # drawings
MOST = 40  # areas in one drawing


@dataclass(frozen=True, slots=True)
class Drawing:
    """Paths of an SVG. `areas`: alert, path, and between them its lane, "clear" for an all-clear or "rehearsed" for
    exercises and tests; `gaps`: zones beside a danger that have no message; `others`: areas of other agencies'
    warnings, which do not widen the drawing."""

    width: int
    height: int
    around: tuple[str, ...]
    areas: tuple[tuple[int, str, str], ...]
    gaps: tuple[str, ...]
    others: tuple[str, ...] = ()


_lock = threading.Lock()
_kept: "OrderedDict[tuple[str, ...], Drawing | None]" = OrderedDict()


def draw(s: Session, now: Situation, others: Sequence[Warned] = ()) -> Drawing | None:
    """Draw the areas of the alerts in force, the gaps, and what others warn of. None while the city has no zones and
    no alert an area."""
    edition = basemap.current(s)
    shown = [one for one in now.in_force if one.area_hash and not one.is_replaced][:MOST]
    key = (edition.zones, now.coverage.key, *(f"{one.id}.{_look(one)}" for one in shown))
    outlines = [(one.id, one.area) for one in others if one.area is not None][:MOST]
    key += tuple(f"outside.{number}" for number, _ in outlines)
    with _lock:
        if key not in _kept:
            rows = s.execute(
                text("SELECT id, area FROM alerts WHERE id = ANY(:ids)"), {"ids": [one.id for one in shown]}
            ).all()
            areas = {row.id: bytes(row.area) for row in rows}
            lanes = [(one.id, _look(one), areas[one.id]) for one in reversed(shown)]  # emergencies on top
            gaps = {one.zone for one in now.coverage.gaps}
            _kept[key] = _drawn(basemap.zones_now(s, edition), lanes, gaps, [area for _, area in outlines])
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return _kept[key]


def _look(one: Item) -> str:
    if one.status != "Actual":
        return "rehearsed"
    return "clear" if one.closed else str(one.lane)


def _drawn(zones: Zones, stored: list[tuple[int, str, bytes]], gaps: set[int], others: list[bytes]) -> Drawing | None:
    shapes, readable = gate.readable_from_wkb(area for _, _, area in stored)
    areas = [(*stored[row][:2], shape) for row, shape in zip(readable.tolist(), shapes.tolist(), strict=True)]
    kinds = [one["kind"] for one in zones.about]
    usual = max(set(kinds), key=kinds.count) if kinds else ""
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
        tuple(pen.path(zones.shapes[row]) for row in behind),
        tuple((alert, lane, pen.path(shape)) for alert, lane, shape in areas),
        tuple(pen.path(zones.shapes[row]) for row in missing),
        tuple(pen.path(shape) for shape in gate.readable_from_wkb(others)[0].tolist()),
    )
