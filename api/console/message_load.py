"""How many routine alerts residents get this month, and who would get their fifth of the week from one that waits."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import Viewer
from api.console.kept import Kept, remembered
from api.rendering import page
from notify.accounts import operators
from notify.alerts.reporting import message_load, reports
from notify.alerts.reporting.message_load import Got, Load
from notify.core.db import transaction
from notify.models import Lane
from notify.models.states import AlertState

router = APIRouter(prefix="/console", include_in_schema=False)

EVERY_S, BEHIND_S = 300.0, 3600.0  # the counts are those of minutes ago; of an hour ago for who looks first
WAITING = (AlertState.DRAFT, AlertState.APPROVED, AlertState.SCHEDULED)


@router.get("/load")
def show(request: Request, caller: Viewer, alert: Annotated[int | None, Query(ge=1, le=2**62)] = None) -> Response:
    """Show it to whoever may count residents. `alert`: a routine one that is not launched yet."""
    operators.require(caller.acting, "count")
    now = datetime.now(UTC)
    asked, more = None, None
    if alert is not None:
        with transaction() as s:
            asked = reports.find_alert(s, alert)
        if asked.lane is Lane.ROUTINE and asked.state in WAITING and asked.area is not None:
            week = _week().get()
            with transaction() as s:
                more = message_load.with_one_more(s, asked, week, now)
    found = _load(message_load.month(now)).get()
    return page(request, "console/load.html", caller=caller, load=found, asked=asked, more=more, many=message_load.MANY)


@remembered
def _load(since: datetime) -> Kept[Load]:
    """It reads all deliveries of the month, so all readers share what was counted last."""

    def read() -> Load:
        with transaction() as s:
            return message_load.of_all(s, since)

    return Kept(read, EVERY_S, behind_s=BEHIND_S)


@remembered
def _week() -> Kept[Got]:
    """What everybody got in the last seven days."""

    def read() -> Got:
        with transaction() as s:
            return message_load.got(s, datetime.now(UTC) - message_load.WEEK)

    return Kept(read, EVERY_S, behind_s=BEHIND_S)
