"""Results by zone on an alert's page, renewed while it is sent."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.auth import Viewer
from api.console.alert.alert_view import is_over
from api.console.alert.watched import watched_alert
from api.console.kept import Kept, remembered
from api.ids import Id
from api.rendering import render
from notify.accounts import operators
from notify.alerts.reporting import reports, zone_reach
from notify.alerts.reporting.zone_reach import ZoneReach, ZoneResidents
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)

EVERY_S = 5.0


@router.get("/alerts/{alert_id}/zones")
def show_zones(alert_id: Id, caller: Viewer) -> Response:
    """Show them to whoever may see the report: exact numbers of a few homes."""
    operators.require(caller.acting, "count")
    with transaction() as s:
        launched = reports.find_alert(s, alert_id).launched_at is not None
    now = datetime.now(UTC)
    zones = _zones(alert_id).get() if launched else ()
    moving = launched and not is_over(watched_alert(alert_id).look().shown.progress, now)
    return HTMLResponse(
        render("console/zones_reached.html", alert=alert_id, zones=zones, moving=moving, every_s=int(EVERY_S))
    )


@remembered
def _zones(alert_id: int) -> Kept[tuple[ZoneReach, ...]]:
    """Who lives where is read once: an alert is sent in minutes, and its audience is resolved only at its launch."""
    residents: list[Sequence[ZoneResidents]] = []

    def read() -> tuple[ZoneReach, ...]:
        with transaction() as s:
            alert = reports.find_alert(s, alert_id)
            if not residents:
                residents.append(zone_reach.residents(s, alert, datetime.now(UTC)))
            return zone_reach.reach(s, alert, residents[0])

    return Kept(read, EVERY_S)
