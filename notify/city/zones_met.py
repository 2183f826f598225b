"""The names of the zones that a shape meets, for people."""

import threading
from collections import OrderedDict

import shapely
from sqlalchemy.orm import Session

from notify.city import basemap
from notify.city.basemap import Zones
from notify.city.coverage import ORDER, REACHED
from zones import gate

KEPT = 500  # results
_lock = threading.Lock()
_kept: "OrderedDict[tuple[str, bytes], tuple[str, ...]]" = OrderedDict()


def zones_met(s: Session, area: bytes) -> tuple[str, ...]:
    """Return the names of the zones of the city's usual kind that a shape (WKB) takes a part of. The result is kept:
    the console asks each second."""
    edition = basemap.current(s)
    key = (edition.zones, bytes(area))
    with _lock:
        if key not in _kept:
            _kept[key] = _met(basemap.zones_now(s, edition), gate.from_wkb(area))
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return _kept[key]


def _met(zones: Zones, area: shapely.Geometry) -> tuple[str, ...]:
    usual = next((kind for kind in ORDER[1:] + ORDER[:1] if any(one["kind"] == kind for one in zones.about)), "")
    near = [row for row in zones.tree.query(area, predicate="intersects").tolist() if zones.about[row]["kind"] == usual]
    taken = [row for row in near if shapely.intersection(zones.shapes[row], area).area >= REACHED * zones.shapes[row].area]
    return tuple(sorted(str(zones.about[row]["name"]) for row in taken))
