"""How many routine alerts residents get this month, and who would get their fifth of the week from one that waits."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import Viewer
from api.console.kept import SOON_S, Kept, Stored, remembered
from api.rendering import page
from notify.accounts import operators
from notify.alerts.reporting import message_load, reports
from notify.alerts.reporting.message_load import Got, Load
from notify.audience.live_count import live_count
from notify.core.db import transaction
from notify.models import Lane
from notify.models.states import AlertState

router = APIRouter(prefix="/console", include_in_schema=False)

EVERY_S, BEHIND_S = 300.0, 3600.0  # the counts are those of minutes ago; of an hour ago for who looks first
WAITING = (AlertState.DRAFT, AlertState.APPROVED, AlertState.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Counted:
    load: Load
    at: datetime


@router.get("/load")
def show(request: Request, caller: Viewer, alert: Annotated[int | None, Query(ge=1, le=2**62)] = None) -> Response:
    """Show it to whoever may count residents. `alert`: a routine one that is not launched yet."""
    operators.require(caller.acting, "count")
    now = datetime.now(UTC)
    asked, more, is_counted = None, None, True
    if alert is not None:
        with transaction() as s:
            asked = reports.find_alert(s, alert)
        if asked.lane is Lane.ROUTINE and asked.state in WAITING and asked.area is not None:
            live_count().prepare(asked.topic.value)
            week = _week().soon(SOON_S)
            is_counted = week is not None
            if week is not None:
                with transaction() as s:
                    more = message_load.with_one_more(s, asked, week, now)
    found = _load(message_load.month(now)).soon(SOON_S) if is_counted else None
    return page(
        request, "console/load.html", caller=caller, counted=found, asked=asked, more=more, is_counted=is_counted,
        many=message_load.MANY,
    )  # fmt: skip


@remembered
def _load(since: datetime) -> Kept[Counted]:
    """It reads all deliveries of the month, so all readers share what was counted last."""

    def read() -> Counted:
        now = datetime.now(UTC)
        with transaction() as s:
            return Counted(message_load.of_all(s, since), now)

    return Kept(read, EVERY_S, behind_s=BEHIND_S, stored=Stored(f"load since {since.isoformat()}", Counted))


@remembered
def _week() -> Kept[Got]:
    """What everybody got in the last seven days."""

    def read() -> Got:
        with transaction() as s:
            return message_load.got(s, datetime.now(UTC) - message_load.WEEK)

    return Kept(read, EVERY_S, behind_s=BEHIND_S)
