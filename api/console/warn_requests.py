"""Requests to warn: the open ones with their clocks, and a form for a new one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import form_id, whole_number
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.alerts import situation, warn_requests
from notify.alerts.writing import precaution
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.models import Operator

router = APIRouter(prefix="/console/requests", include_in_schema=False)

CLOCKS_MIN = (15, 30, 60, 120, 240)
FIELDS = ("asked_by", "source", "danger", "place", "decide", "incident")
CALLED = {
    "field": gettext_noop("Crew in the field"),
    "911": gettext_noop("911 dispatcher"),
    "supervisor": gettext_noop("Supervisor"),
    "utility": gettext_noop("Utility"),
    "weather": gettext_noop("Weather service"),
    "other": gettext_noop("Somebody else"),
}
Words = Annotated[str, Form(max_length=20_000)]
Number = Annotated[str, Form(max_length=20)]


@router.get("")
def show(request: Request, caller: Viewer, incident: Annotated[int, Query(ge=0, lt=2**63)] = 0) -> Response:
    return _page(request, caller, given={"incident": str(incident or "")})


@router.post("")
def take(
    request: Request,
    caller: Viewer,
    asked_by: Words = "",
    source: Words = "",
    danger: Words = "",
    place: Words = "",
    decide: Number = "",
    incident: Number = "",
    form: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    given = {"asked_by": asked_by, "source": source, "danger": danger, "place": place, "decide": decide}
    try:
        minutes = _number(gettext_noop("The time to decide %(given)s is not a number."), decide)
        asked = warn_requests.Asked(
            asked_by,
            source,
            danger,
            place,
            timedelta(minutes=minutes) if minutes else None,
            _number(gettext_noop("The incident %(given)s is not a number."), incident) or None,
            form_id(form),
        )
        with transaction() as s:
            made = warn_requests.take(s, asked, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, tell(error), given | {"incident": incident})
    return RedirectResponse(f"/console/requests#request-{made.id}", 303)


@router.post("/{request_id}/read-back")
def read_back(request_id: Id, request: Request, caller: Viewer) -> Response:
    return _done(request, caller, request_id, lambda s, by, now: warn_requests.read_back(s, request_id, by, now))


@router.post("/{request_id}/answer")
def answer(request_id: Id, request: Request, caller: Viewer, alert: Number = "") -> Response:
    def step(s: Session, by: Operator, now: datetime) -> None:
        if not alert.strip():
            raise Invalid(_("The number of the alert is missing."), hint=_("Give the alert that answers the request."))
        warn_requests.answer(
            s, request_id, _number(gettext_noop("The alert %(given)s is not a number."), alert), by, now
        )

    return _done(request, caller, request_id, step)


@router.post("/{request_id}/decline")
def decline(request_id: Id, request: Request, caller: Viewer, why: Words = "") -> Response:
    return _done(request, caller, request_id, lambda s, by, now: warn_requests.decline(s, request_id, why, by, now))


@router.post("/{request_id}/precaution")
def warn_as_precaution(
    request_id: Id, request: Request, caller: Viewer, advice: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """Open a draft that is filled in."""
    try:
        with transaction() as s:
            draft = precaution.start(s, request_id, advice, caller.acting, datetime.now(UTC)).id
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse(f"/console/compose/{draft}", 303)


def _number(wrong: str, given: str) -> int:
    """Read a whole number; 0 for none. Raises Invalid with the message `wrong`."""
    return whole_number(given, wrong, gettext_noop("Give its number, such as 12.")) or 0


def _done(
    request: Request, caller: Caller, request_id: int, step: Callable[[Session, Operator, datetime], None]
) -> Response:
    try:
        with transaction() as s:
            step(s, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse(f"/console/requests#request-{request_id}", 303)


def _page(request: Request, caller: Caller, told: Told | None = None, given: dict[str, str] | None = None) -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        open_ones, closed = warn_requests.open_ones(s), warn_requests.closed_ones(s)
        # An alert can answer a request before it is launched.
        answers = [one for one in situation.read(s, now).items if one.status == "Actual"][:50]
    return page(
        request,
        "console/requests.html",
        caller=caller,
        requests=open_ones,
        closed=closed,
        answers=answers,
        sources=CALLED,
        clocks=CLOCKS_MIN,
        advice=precaution.advice(),
        is_near=precaution.is_near,
        now=now,
        told=told,
        given=dict.fromkeys(FIELDS, "") | (given or {}),
        form=uuid4(),
        may_draft=caller.may("draft"),
        may_note=caller.may("note"),
    )
