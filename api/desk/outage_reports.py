"""`/desk/outages/ID/reports`: where residents say that service is still out. A table by zone that refreshes itself, and
the squares of the map, which say the same. For staff only."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import HTMLResponse, JSONResponse, Response

from api.auth import Viewer
from api.console.kept import Kept, remembered
from api.rendering import render
from notify.core.db import transaction
from notify.service311.outages import kept, reports
from notify.service311.outages.kept import Shown
from notify.service311.outages.reports import CELL, Cell, Reports
from zones.geometry import readable_areas, to_geojson

router = APIRouter(prefix="/desk/outages", include_in_schema=False)
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
LOOK_S = 1.0  # how old the counts may be that all desks of a process are shown


@router.get("/{outage_id}/reports")
def show(caller: Viewer, outage_id: Number, seen: str = "") -> Response:
    """The counts, or 204 if they have not changed, so that screen readers do not read them again."""
    with transaction() as s:
        html, digest = live(kept.shown(s, outage_id))
    return Response(status_code=204) if digest == seen else HTMLResponse(html)


@router.get("/{outage_id}/reports.geojson")
def squares(caller: Viewer, outage_id: Number) -> Response:
    """The area of the outage, and the squares with reports."""
    with transaction() as s:
        one = kept.shown(s, outage_id)
    area = readable_areas([one.row.area]).values()
    found = [{"type": "Feature", "properties": {"of": "area"}, "geometry": to_geojson(each)} for each in area]
    found += map(_square, _counts(one.row.id, one.restored_at).get().cells)
    return JSONResponse({"type": "FeatureCollection", "features": found}, headers={"Cache-Control": "no-store"})


def live(one: Shown) -> tuple[str, str]:
    """Return the counts of an outage as HTML, and what they are recognised by."""
    shown: dict[str, Any] = {
        "one": one,
        "reports": _counts(one.row.id, one.restored_at).get(),
        "now": datetime.now(UTC),
    }
    digest = hashlib.sha256(render("desk/outage_reports.html", seen="", **shown).encode()).hexdigest()[:10]
    return render("desk/outage_reports.html", seen=digest, **shown), digest


@remembered
def _counts(outage_id: int, restored_at: datetime | None) -> Kept[Reports]:
    """The newest counts of this process, however many desks watch."""

    def read() -> Reports:
        with transaction() as s:
            return reports.of_outage(s, outage_id, restored_at)

    return Kept(read, LOOK_S)


def _square(cell: Cell) -> dict[str, Any]:
    """Return a square as a feature. Its label is that of the legend: all, and in brackets those since it was back."""
    west, south, east, north = (
        round(at, 6) for at in (cell.lon - CELL / 2, cell.lat - CELL / 2, cell.lon + CELL / 2, cell.lat + CELL / 2)
    )
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    label = f"{cell.residents} ({cell.since})" if cell.since else str(cell.residents)
    return {
        "type": "Feature",
        "properties": {"of": "square", "residents": cell.residents, "since": cell.since, "label": label},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
