"""The console's exercise mode and drills: the task, the scores, and who has not drilled this month."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import form_id
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.alerts.practice import drill_scores, drills, scenarios
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.translation import gettext as _

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("/drills")
def show_drills(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("/exercise")
def set_mode(request: Request, caller: Viewer, mode: Annotated[str, Form(max_length=10)] = "") -> Response:
    try:
        if mode not in {"on", "off"}:
            raise Invalid(_("There is no mode %(mode)s.", mode=repr(mode)), hint=_("Press the button again."))
        with transaction() as s:
            drills.set_mode(s, caller.live.id, mode == "on", caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse("/console/drills", 303)


@router.post("/drills")
def start(
    request: Request,
    caller: Viewer,
    scenario: Annotated[str, Form(max_length=100)] = "",
    form: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    try:
        with transaction() as s:
            drills.start(s, scenario, caller.acting, datetime.now(UTC), form_id(form))
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse("/console/drills", 303)


@router.post("/drills/{drill_id}/join")
def join(drill_id: Id, request: Request, caller: Viewer) -> Response:
    """Enter exercise mode and open the drill's form."""
    try:
        with transaction() as s:
            draft = drills.take_part(s, drill_id, caller.live.id, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse(f"/console/compose/{draft.id}", 303)


@router.post("/drills/{drill_id}/end")
def end(drill_id: Id, request: Request, caller: Viewer) -> Response:
    try:
        with transaction() as s:
            drills.end(s, drill_id, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse("/console/drills", 303)


def _page(request: Request, caller: Caller, told: Told | None = None) -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        under_way = drills.running(s, now)
        results = drill_scores.of_drills(s, drills.newest(s))
        idle = drill_scores.not_drilled(s, now)
    tasks = {one.name: one for one in scenarios.all_scenarios()}
    return page(
        request,
        "console/drills.html",
        caller=caller,
        told=told,
        now=now,
        under_way=under_way,
        results=results,
        idle=idle,
        scenarios=tasks,
        may_start=caller.may("draft"),
        form=uuid4(),
    )
