"""The city's map for operators, with a list of all zones. Without scripts, a zone chosen in the list is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import shapely
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from api.auth import Viewer
from api.console.places import city_outline
from api.map import outside
from api.rendering import page
from notify.alerts import situation
from notify.city import basemap
from notify.city import zones as city_zones
from notify.city.outline import Outline, outline
from notify.city.zones import KINDS, KeptZone
from notify.core.db import transaction
from zones import gate
from zones.geometry import to_geojson

router = APIRouter(prefix="/console", include_in_schema=False)

COARSE_DEGREES = 1e-5  # 1 m: what the largest zoom shows


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
        now = situation.read(s, datetime.now(UTC))
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
        alerts=[(one, city_outline.look(one)) for one in city_outline.on_map(now)],
    )


@router.get("/map/in-force")
def show_areas(caller: Viewer) -> Response:
    """The areas of our alerts in force, as GeoJSON, with their numbers and looks; the most urgent comes last."""
    with transaction() as s:
        stored = city_outline.stored(s, city_outline.on_map(situation.read(s, datetime.now(UTC))))
    shapes, readable = gate.readable_from_wkb(area for *_, area in stored)
    features = [
        {
            "type": "Feature",
            "properties": {"alert": stored[row][0], "look": stored[row][1]},
            "geometry": to_geojson(shape),
        }
        for row, shape in zip(readable.tolist(), shapely.simplify(shapes, COARSE_DEGREES).tolist(), strict=True)
    ]
    return JSONResponse({"type": "FeatureCollection", "features": features}, headers={"Cache-Control": "no-store"})


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
