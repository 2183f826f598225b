"""The after-action report of an alert, on screen and as a file."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import Viewer, require_fresh
from api.console.curve import drawn
from api.console.outline import outline
from api.ids import Id
from api.rendering import page
from api.report_file import report_file
from notify.alerts import after_action, report_files, reports
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.core.errors import NotFound

router = APIRouter(prefix="/console/alerts", include_in_schema=False)

BEHIND = "neighbourhood"  # zones drawn behind the area


@router.get("/{alert_id}/report")
def show_report(alert_id: Id, request: Request, caller: Viewer) -> Response:
    with transaction() as s:
        found = after_action.read(s, alert_id, caller.acting, datetime.now(UTC))
        area = reports.find_alert(s, alert_id).area
        drawing = outline(area, list(city_zones.all_zones(s, BEHIND))) if area is not None else None
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


@router.get("/{alert_id}/report.{suffix}")
def download(alert_id: Id, suffix: str, caller: Viewer) -> Response:
    if suffix not in report_files.FORMATS:
        raise NotFound(f"There is no report as {suffix!r}.", hint=f"Choose from: {', '.join(report_files.FORMATS)}.")
    require_fresh(caller)
    return report_file(alert_id, suffix, caller)
