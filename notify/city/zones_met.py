"""The names of the zones that a shape meets, for people."""

import threading
from collections import OrderedDict

import shapely
from sqlalchemy.orm import Session

from notify.city import basemap
from notify.city.basemap import Zones
from notify.city.coverage import REACHED
from zones import gate
from zones.geometry import share

KINDS = ("neighbourhood", "custom", "evacuation", "utility", "snow", "collection")  # the first that the city has
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
            shapes, _ = gate.readable_from_wkb([area])  # none of a damaged one
            _kept[key] = _met(basemap.zones_now(s, edition), shapes[0]) if len(shapes) else ()
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return _kept[key]


def _met(zones: Zones, area: shapely.Geometry) -> tuple[str, ...]:
    usual = next((kind for kind in KINDS if any(one["kind"] == kind for one in zones.about)), "")
    near = zones.tree.query(area, predicate="intersects").tolist()
    return tuple(
        sorted(
            str(zones.about[row]["name"])
            for row in near
            if zones.about[row]["kind"] == usual and share(zones.shapes[row], area) >= REACHED
        )
    )
