"""The after-action reports of an alert and of an incident, on screen and as files."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import Viewer, require_fresh
from api.console.alert.curve import drawn
from api.ids import Id
from api.rendering import page
from api.report_file import incident_report_file, report_file
from notify.alerts.reporting import after_action, incident_files, incident_report, report_files
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("/alerts/{alert_id}/report")
def show_report(alert_id: Id, request: Request, caller: Viewer) -> Response:
    with transaction() as s:
        found = after_action.read(s, alert_id, caller.acting, datetime.now(UTC))
    return page(
        request,
        "console/report.html",
        caller=caller,
        r=found,
        p=found.progress,
        shown=report_files.document(found),
        chart=drawn(found.curve),
        drawing=found.drawing,
    )


@router.get("/alerts/{alert_id}/report.{suffix}")
def download(alert_id: Id, suffix: str, caller: Viewer) -> Response:
    require_fresh(caller)
    return report_file(alert_id, suffix, caller)


@router.get("/incidents/{incident_id}/report")
def show_incident_report(incident_id: Id, request: Request, caller: Viewer) -> Response:
    with transaction() as s:
        found = incident_report.read(s, incident_id, caller.acting, datetime.now(UTC))
    return page(
        request,
        "console/incident_report.html",
        caller=caller,
        r=found,
        shown=incident_files.document(found),
        charts=[drawn(one.curve) for one in found.alerts],
        drawings=[one.drawing for one in found.alerts],
    )


@router.get("/incidents/{incident_id}/report.{suffix}")
def download_incident_report(incident_id: Id, suffix: str, caller: Viewer) -> Response:
    require_fresh(caller)
    return incident_report_file(incident_id, suffix, caller)
