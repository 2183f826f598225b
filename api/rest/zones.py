"""`/api/v1/zones`: named areas of the city."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.ids import Id
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
    owner: str = Field(description="Who keeps it right: a person or an office; empty: nobody.")


class ZoneChange(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"owner": "Department of Streets"}})

    owner: str = Field(max_length=2000, description="Empty: nobody.")


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


@router.patch("/{zone_id}", summary="Say who keeps a zone right", responses=problems(403, 404, 422))
def change_zone(zone_id: Id, wanted: ZoneChange, caller: Reader) -> ZoneOut:
    """Needs the role admin. Borders and names change by an import only."""
    with transaction() as s:
        city_zones.set_owner(s, zone_id, wanted.owner, datetime.now(UTC), caller.acting)
        zone = city_zones.of_id(s, zone_id)
        return _out(city_zones.KeptZone(zone, city_zones.versions(s, zone_id)[0]))


@router.get("/{name:any_name}", summary="One zone, with its shape", responses=problems(404, 422))
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
        owner=kept.zone.owner,
    )
