"""Results by zone on an alert's page. Those of very many residents are not in its stream: they renew themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.auth import Viewer
from api.console.alert.watched import watched_alert, zones_table
from api.console.kept import Kept, remembered
from api.ids import Id
from notify.accounts import operators
from notify.alerts.reporting import reports, zone_reach
from notify.alerts.reporting.zone_reach import ZoneReach, ZoneResidents
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)

EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class _Counted:
    """`moving`: the alert was not over before they were counted, so they are not final."""

    at: datetime
    zones: Sequence[ZoneReach]
    moving: bool


@router.get("/alerts/{alert_id}/zones")
def show_zones(alert_id: Id, caller: Viewer) -> Response:
    """Show them to whoever may see the report: exact numbers of a few homes."""
    operators.require(caller.acting, "count")
    with transaction() as s:
        launched = reports.find_alert(s, alert_id).launched_at is not None
    if not launched:
        return HTMLResponse(zones_table(alert_id, (), moving=False))
    look = watched_alert(alert_id).look()
    if look.zones is not None:
        return HTMLResponse(zones_table(alert_id, look.zones, moving=look.moving))
    found = _zones(alert_id).get()
    return HTMLResponse(zones_table(alert_id, found.zones, moving=found.moving, every_s=int(EVERY_S), at=found.at))


@remembered
def _zones(alert_id: int) -> Kept[_Counted]:
    """Who lives where is read once: an alert is sent in minutes, and its audience is resolved only at its launch."""
    residents: list[Sequence[ZoneResidents]] = []

    def read() -> _Counted:
        now, moving = datetime.now(UTC), watched_alert(alert_id).look().moving
        with transaction() as s:
            alert = reports.find_alert(s, alert_id)
            if not residents:
                residents.append(zone_reach.residents(s, alert, now))
            return _Counted(now, zone_reach.reach(s, alert, residents[0]), moving)

    return Kept(read, EVERY_S)
