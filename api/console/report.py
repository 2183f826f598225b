"""The after-action reports of an alert and of an incident, on screen and as files."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.auth import Viewer, require_fresh
from api.console.curve import drawn
from api.console.outline import Outline, outline
from api.ids import Id
from api.rendering import page
from api.report_file import incident_report_file, report_file
from notify.alerts import after_action, incident_files, incident_report, report_files, reports
from notify.city import zones as city_zones
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)

BEHIND = "neighbourhood"  # zones drawn behind the area


@router.get("/alerts/{alert_id}/report")
def show_report(alert_id: Id, request: Request, caller: Viewer) -> Response:
    with transaction() as s:
        found = after_action.read(s, alert_id, caller.acting, datetime.now(UTC))
        (drawing,) = _drawings(s, [alert_id])
    return page(
        request,
        "console/report.html",
        caller=caller,
        r=found,
        p=found.progress,
        shown=report_files.document(found),
        chart=drawn(found.curve),
        drawing=drawing,
    )


@router.get("/alerts/{alert_id}/report.{suffix}")
def download(alert_id: Id, suffix: str, caller: Viewer) -> Response:
    require_fresh(caller)
    return report_file(alert_id, suffix, caller)


@router.get("/incidents/{incident_id}/report")
def show_incident_report(incident_id: Id, request: Request, caller: Viewer) -> Response:
    with transaction() as s:
        found = incident_report.read(s, incident_id, caller.acting, datetime.now(UTC))
        drawings = _drawings(s, [one.progress.id for one in found.alerts])
    return page(
        request,
        "console/incident_report.html",
        caller=caller,
        r=found,
        shown=incident_files.document(found),
        charts=[drawn(one.curve) for one in found.alerts],
        drawings=drawings,
    )


@router.get("/incidents/{incident_id}/report.{suffix}")
def download_incident_report(incident_id: Id, suffix: str, caller: Viewer) -> Response:
    require_fresh(caller)
    return incident_report_file(incident_id, suffix, caller)


def _drawings(s: Session, alerts: Sequence[int]) -> list[Outline | None]:
    """Return the area of each alert as a drawing, with the zones of the city behind it."""
    behind = list(city_zones.all_zones(s, BEHIND))
    areas = [reports.find_alert(s, one).area for one in alerts]
    return [None if area is None else outline(area, behind) for area in areas]
