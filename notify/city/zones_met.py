"""The names of the zones that a shape meets, for people."""

from sqlalchemy.orm import Session

from notify.city import basemap
from notify.city.basemap import Zones
from notify.city.coverage import REACHED
from notify.core.kept_results import KeptResults
from zones import gate
from zones.overlaps import share

KINDS = ("neighbourhood", "custom", "evacuation", "utility", "snow", "collection")  # the first that the city has
_kept: KeptResults[tuple[str, bytes], tuple[str, ...]] = KeptResults(most=500)


def zones_met(s: Session, area: bytes) -> tuple[str, ...]:
    """Return the names of the zones of the city's usual kind that a shape (WKB) takes a part of. The result is kept:
    the console asks each second."""
    edition = basemap.current(s)
    return _kept.get((edition.zones, bytes(area)), lambda: _met(basemap.zones_now(s, edition), area))


def _met(zones: Zones, stored: bytes) -> tuple[str, ...]:
    shapes, _ = gate.readable_from_wkb([stored])
    if not len(shapes):  # a damaged one meets none
        return ()
    area = shapes[0]
    usual = next((kind for kind in KINDS if any(one["kind"] == kind for one in zones.about)), "")
    near = zones.tree.query(area, predicate="intersects").tolist()
    return tuple(
        sorted(
            str(zones.about[row]["name"])
            for row in near
            if zones.about[row]["kind"] == usual and share(zones.shapes[row], area) >= REACHED
        )
    )
