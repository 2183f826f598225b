"""`/api/v1/zones`: named areas of the city."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import Reader
from api.openapi import problems
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.models.zone import ZoneKind
from zones.geometry import from_wkb, to_geojson

router = APIRouter(prefix="/api/v1/zones", tags=["zones"])


class ZoneOut(BaseModel):
    """A zone in its newest version."""

    id: int
    kind: ZoneKind
    name: str
    external_id: str | None = Field(description="The city's own id.")
    version: int
    area_m2: float
    hash: str = Field(description="SHA-256 of its geometry.")
    source: str = Field(description="The file from which it was imported.")


class Zones(BaseModel):
    zones: list[ZoneOut]


class ZoneFeature(BaseModel):
    """GeoJSON, RFC 7946: WGS 84, longitude first."""

    type: Literal["Feature"] = "Feature"
    properties: ZoneOut
    geometry: dict[str, Any] = Field(description="Polygon or MultiPolygon.")


@router.get("", summary="All zones", responses=problems(422))
def list_zones(caller: Reader, kind: Annotated[ZoneKind | None, Query()] = None) -> Zones:
    with transaction() as s:
        return Zones(zones=[_out(kept) for kept in city_zones.all_zones(s, kind)])


@router.get("/{name:path}", summary="One zone, with its shape", responses=problems(404, 422))
def get_zone(name: str, caller: Reader) -> ZoneFeature:
    """By its name, or `kind:name` if two kinds share one. 404 suggests similar names."""
    with transaction() as s:
        kept = city_zones.find(s, name)
        return ZoneFeature(properties=_out(kept), geometry=to_geojson(from_wkb(kept.version.geometry)))


def _out(kept: city_zones.KeptZone) -> ZoneOut:
    return ZoneOut(
        id=kept.zone.id,
        kind=kept.zone.kind,
        name=kept.zone.name,
        external_id=kept.zone.external_id,
        version=kept.version.number,
        area_m2=kept.version.area_m2,
        hash=kept.version.hash,
        source=kept.version.source,
    )
