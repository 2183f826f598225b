"""`/api/v1/zones`: named areas of the city."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.openapi import problems
from notify import atlas, operators
from notify.db import transaction
from notify.errors import Invalid
from notify.models.zone import ZoneKind
from zones.geometry import from_wkb, to_geojson
from zones.importing import read_zones

router = APIRouter(prefix="/api/v1/zones", tags=["zones"])

SUFFIXES = {".geojson", ".json", ".zip", ".kml", ".kmz", ".gpkg"}
Field_ = Annotated[str | None, Form(max_length=200)]


class ZoneOut(BaseModel):
    """A zone in its newest version."""

    id: int
    kind: ZoneKind
    name: str
    external_id: str | None = Field(description="The city's own id of it.")
    version: int
    area_m2: float
    hash: str = Field(description="SHA-256 of its geometry.")
    source: str = Field(description="The file that it came from.")


class Zones(BaseModel):
    zones: list[ZoneOut]


class ZoneFeature(BaseModel):
    """GeoJSON, RFC 7946: WGS 84, longitude first."""

    type: Literal["Feature"] = "Feature"
    properties: ZoneOut
    geometry: dict[str, Any] = Field(description="Polygon or MultiPolygon.")


class Imported(BaseModel):
    """What an import did, by name; and what was wrong in the file."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "added": ["Riverside"],
                "changed": [],
                "unchanged": ["Old Town"],
                "mended": ["Riverside: crossed itself"],
                "left_out": [],
            }
        }
    )

    added: list[str]
    changed: list[str]
    unchanged: list[str]
    mended: list[str]
    left_out: list[str]


@router.get("", summary="All zones", responses=problems(422))
def list_zones(caller: Reader, kind: Annotated[ZoneKind | None, Query()] = None) -> Zones:
    with transaction() as s:
        return Zones(zones=[_out(kept) for kept in atlas.all_zones(s, kind)])


@router.get("/{name:path}", summary="One zone, with its shape", responses=problems(404, 422))
def get_zone(name: str, caller: Reader) -> ZoneFeature:
    """By its name, or `kind:name` where two kinds share one. An unknown name is answered with the near ones."""
    with transaction() as s:
        kept = atlas.find(s, name)
        return ZoneFeature(properties=_out(kept), geometry=to_geojson(from_wkb(kept.version.geometry)))


@router.post(
    "",
    summary="Import zones from a file",
    status_code=201,
    responses=problems(403, 413, 422),
)
def import_zones(
    caller: Reader,
    file: Annotated[UploadFile, File(description="GeoJSON, zipped Shapefile, KML, KMZ or GeoPackage; 200 MB at most.")],
    kind: Annotated[ZoneKind, Form()],
    name_field: Field_ = None,
    id_field: Field_ = None,
    layer: Field_ = None,
    dissolve: Field_ = None,
    crs: Field_ = None,
) -> Imported:
    """Needs the role admin. All of it or nothing: a new version for each zone whose shape has changed."""
    by = caller.acting
    operators.require(by, "administer")
    source = FilePath(file.filename or "upload").name[-200:]
    with tempfile.TemporaryDirectory(prefix="tocsin-") as folder:
        path = _save(file, FilePath(folder))
        found = read_zones(path, name_field=name_field, id_field=id_field, layer=layer, dissolve=dissolve, crs=crs)
    with transaction() as s:
        kept = atlas.keep(s, kind, found.zones, source, datetime.now(UTC), by)
    return Imported(
        added=list(kept.added),
        changed=list(kept.changed),
        unchanged=list(kept.unchanged),
        mended=list(found.mended),
        left_out=list(found.left_out),
    )


def _save(file: UploadFile, folder: FilePath) -> FilePath:
    """To a file with its suffix, by which its format is known; nothing else of its name is believed."""
    suffix = FilePath(file.filename or "").suffix.lower()
    if suffix not in SUFFIXES:
        raise Invalid(
            "This is not a kind of zone file that we read.", hint=f"Send one of: {', '.join(sorted(SUFFIXES))}."
        )
    path = folder / f"zones{suffix}"
    with path.open("wb") as copy:
        while piece := file.file.read(2**20):
            copy.write(piece)
    return path


def _out(kept: atlas.KeptZone) -> ZoneOut:
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
