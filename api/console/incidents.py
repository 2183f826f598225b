"""The page of an incident: its alerts as a thread, the words in force, and the notes of operators."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import form_id
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from api.rest import tallies
from notify.alerts import claims, incidents
from notify.core.db import transaction
from notify.core.errors import TocsinError

router = APIRouter(prefix="/console/incidents", include_in_schema=False)


@router.get("/{incident_id}")
def show(incident_id: Id, request: Request, caller: Viewer) -> Response:
    return _page(request, incident_id, caller)


@router.post("/{incident_id}/notes")
def add_note(
    incident_id: Id,
    request: Request,
    caller: Viewer,
    words: Annotated[str, Form(max_length=20_000)] = "",
    form: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    try:
        with transaction() as s:
            incidents.add_note(s, incident_id, words, form_id(form), caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, incident_id, caller, tell(error), words)
    return RedirectResponse(f"/console/incidents/{incident_id}#thread", 303)


@router.post("/{incident_id}/claims")
def take_zone(
    incident_id: Id, request: Request, caller: Viewer, zone: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    return _claimed(request, incident_id, caller, lambda s, now: claims.take(s, incident_id, zone, caller.acting, now))


@router.post("/{incident_id}/claims/{claim_id}/release")
def release_zone(incident_id: Id, claim_id: Id, request: Request, caller: Viewer) -> Response:
    return _claimed(
        request, incident_id, caller, lambda s, now: claims.release(s, incident_id, claim_id, caller.acting, now)
    )


def _claimed(request: Request, incident_id: int, caller: Caller, step: Callable[[Session, datetime], None]) -> Response:
    try:
        with transaction() as s:
            step(s, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, incident_id, caller, tell(error))
    return RedirectResponse(f"/console/incidents/{incident_id}#claims", 303)


def _page(request: Request, incident_id: int, caller: Caller, told: Told | None = None, words: str = "") -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        thread = incidents.read(s, incident_id, now)
        taken, zone_names = claims.of(s, incident_id), claims.names(s)
    return page(
        request,
        "console/incident.html",
        caller=caller,
        i=thread,
        claims=taken,
        zone_names=zone_names,
        now=now,
        told=told,
        note=words,
        form=uuid4(),
        **tallies.shown_to(caller),
        may_draft=caller.may("draft"),
        may_note=caller.may("note"),
    )
