"""`/api/v1/zones/import`: the city's zones from a file of anybody's."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from api import uploads
from api.auth import Reader
from api.openapi import problems
from notify.accounts import operators
from notify.city import zone_import
from notify.city.zone_import import Accepted, Others
from notify.core.db import transaction
from notify.models.zone import ZoneKind
from zones.files.options import Option, spread
from zones.files.zonefile import Options

router = APIRouter(prefix="/api/v1/zones", tags=["zones"])


class Imported(BaseModel):
    """By name."""

    added: list[str]
    changed: list[str]
    unchanged: list[str]
    retired: list[str] = Field(description="Vanished from the file. They stay, with all of their versions.")


class Mended(BaseModel):
    zone: str
    what: str
    area_change_percent: float | None = Field(description="Of the larger one; null where it is about something else.")


class Report(BaseModel):
    """What an import did, or in a dry run would do."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "dry_run": False,
                "kind": "snow",
                "source": "snow.geojson",
                "zones": 2,
                "imported": {"added": ["Riverside"], "changed": [], "unchanged": ["Old Town"], "retired": ["Docks"]},
                "others": 0,
                "mended": [{"zone": "Riverside", "what": "closed an open ring", "area_change_percent": None}],
                "left_out": ["Hill Road: It is a LineString, not a polygon."],
                "notes": [],
                "warnings": [],
                "needs": [],
                "crs": "EPSG:4326",
                "name_field": "NAME",
                "areas_km2": {"Riverside": 3.21, "Old Town": 1.5},
                "extent": [-70.62, 37.9, -70.51, 37.98],
                "place": "4 km from Portland, Maine",
            }
        }
    )

    dry_run: bool
    kind: ZoneKind
    source: str = Field(description="The file's name.")
    zones: int
    imported: Imported
    others: int = Field(description="Zones of that kind which came from other files, and stay.")
    mended: list[Mended]
    left_out: list[str]
    notes: list[str] = Field(description="About the file as a whole.")
    warnings: list[str] = Field(description="What must be looked at before it is confirmed.")
    needs: list[str] = Field(description="Options without which a dry run would be refused.")
    crs: str = Field(description="The coordinate system of the file.")
    name_field: str = Field(description="The field that names the zones; empty where `name` was given.")
    areas_km2: dict[str, float] = Field(description="Square kilometres, by the name of a zone.")
    extent: tuple[float, float, float, float] = Field(description="West, south, east, north, in degrees.")
    place: str = Field(
        description="How far from the city; before it has zones, from the nearest well-known place: is that yours?"
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """The form without the file."""

    options: Options
    accepted: Accepted
    others: Annotated[Others, Form(description="Zones of that kind that it lacks: see docs/zone-files.md.")] = "edition"
    dry_run: Annotated[bool, Form(description="Only say what would be done.")] = False
    time_limit_s: Annotated[
        float | None,
        Form(ge=1, le=120, description="For reading the file; by default it grows with its size."),
    ] = None


def _field(name: str, of: Any, option: Option) -> Any:
    form = Form(description=option.words, max_length=option.longest, ge=option.least, le=option.most)
    return Annotated[of, form]


@router.post("/import", summary="Import zones from a file", status_code=201, responses=problems(403, 413, 422))
def import_zones(
    caller: Reader,
    file: Annotated[
        UploadFile,
        File(description="GeoJSON, TopoJSON, KML, KMZ, GeoPackage, zipped Shapefile or geodatabase; 200 MB at most."),
    ],
    kind: Annotated[ZoneKind, Form()],
    asked: Annotated[Asked, Depends(spread(Asked, _field))],
) -> Report:
    """Needs the role admin. All of it or nothing: a new version for each zone whose shape has changed.

    What must be confirmed is refused with the reasons (422), and done with `accept_warnings` or `accept_repairs`.
    """
    by = caller.acting
    operators.require(by, "administer")
    found = uploads.read_zones(file, asked.options, seconds=asked.time_limit_s)
    with transaction() as s:
        report = zone_import.take(
            s,
            kind,
            found,
            uploads.source_of(file),
            datetime.now(UTC),
            by,
            others=asked.others,
            accepted=asked.accepted,
            dry_run=asked.dry_run,
        )
    return Report.model_validate(report, from_attributes=True)
