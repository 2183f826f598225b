"""The console's alarms: a banner on every page, which updates itself."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Viewer, parts_of
from api.ids import Id
from api.language import is_at_console
from api.rendering import render
from notify.accounts import operators, resolving
from notify.core import alarms
from notify.core.db import transaction

router = APIRouter(prefix="/console/alarms", include_in_schema=False)


@router.get("")
def banner(caller: Viewer, seen: str = "") -> Response:
    """The banner, or 204 if it has not changed, so that screen readers do not read it again."""
    with transaction() as s:
        ringing = alarms.ringing(s)
    if seen == "".join(f"{alarm.id}.{alarm.count}-" for alarm in ringing):
        return Response(status_code=204)
    may_resolve = operators.MAY["resolve"]
    return HTMLResponse(render("console/alarms.html", alarms=ringing, caller=caller, may_resolve=may_resolve))


@router.post("/{alarm_id}/resolve")
def resolve(alarm_id: Id, request: Request, caller: Viewer) -> Response:
    """Resolve an alarm and go back to the page with the button."""
    with transaction() as s:
        resolving.resolve(s, alarm_id, datetime.now(UTC), caller.acting)
    page = parts_of(request.headers.get("referer", "")).path
    return RedirectResponse(page if is_at_console(page) else "/console", 303)
