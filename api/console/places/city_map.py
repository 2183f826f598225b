"""The city's map for operators, with a list of all zones. Without scripts, a zone chosen in the list is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import Viewer
from api.map import outside
from api.rendering import page
from notify.city import basemap
from notify.city import zones as city_zones
from notify.city.outline import Outline, outline
from notify.city.zones import KINDS, KeptZone
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ListedZone:
    id: int
    kind: str
    name: str
    km2: float
    version: int
    box: str  # west,south,east,north


@router.get("/map")
def show_map(request: Request, caller: Viewer, zone: Annotated[int, Query(ge=0, lt=2**63)] = 0) -> Response:
    """The page. `zone`: the chosen one."""
    with transaction() as s:
        edition = basemap.current(s)
        extent = basemap.city_bounds(s, edition)
        boxes = basemap.zone_boxes(s, edition)
        kept = city_zones.all_zones(s)
    zones = [_listed(one, boxes.get(one.zone.id)) for one in kept]
    chosen = next((one for one in kept if one.zone.id == zone), None)
    _, problem = outside.look()
    return page(
        request,
        "console/map.html",
        headers=outside.policy(),
        caller=caller,
        empty=extent is None,
        kinds=[(kind, [one for one in zones if one.kind == kind]) for kind in KINDS],
        chosen=next((one for one in zones if one.id == zone), None),
        drawing=_drawn(chosen, kept),
        problem=problem,
    )


def _listed(one: KeptZone, box: tuple[float, float, float, float] | None) -> ListedZone:
    return ListedZone(
        id=one.zone.id,
        kind=one.zone.kind,
        name=one.zone.name,
        km2=one.version.area_m2 / 1e6,
        version=one.version.number,
        box=",".join(f"{degrees:.6f}" for degrees in box or ()),
    )


def _drawn(chosen: KeptZone | None, kept: Sequence[KeptZone]) -> Outline | None:
    """Draw the chosen zone among those of its kind."""
    if chosen is None:
        return None
    return outline(chosen.version.geometry, [one for one in kept if one.zone.kind == chosen.zone.kind])
