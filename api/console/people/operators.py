"""The operators' page, for administrators: who may come in, as what, and how they are let in again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer, require_fresh
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.accounts import inviting, links, operators, staff
from notify.core.db import transaction
from notify.core.errors import TocsinError

router = APIRouter(prefix="/console/operators", include_in_schema=False)


@router.get("")
def show_all(request: Request, caller: Viewer) -> Response:
    return _list(request, caller)


@router.post("")
def add(
    request: Request,
    caller: Viewer,
    email: Annotated[str, Form(max_length=320)] = "",
    role: Annotated[str, Form(max_length=50)] = "",
) -> Response:
    """Add an operator and mail the link to join by; where nothing can be mailed, show it, once."""
    require_fresh(caller)
    now = datetime.now(UTC)
    try:
        with transaction() as s:
            operator, path = inviting.add(s, email, role, now, caller.acting)
    except TocsinError as error:
        return _list(request, caller, tell(error), email, role)
    if not path:
        return RedirectResponse(f"/console/operators/{operator.id}", 303)
    return _one(request, caller, operator.id, link=links.address(path))


@router.get("/{operator_id}")
def show_one(operator_id: Id, request: Request, caller: Viewer) -> Response:
    return _one(request, caller, operator_id)


@router.post("/{operator_id}/role")
def change_role(
    operator_id: Id, request: Request, caller: Viewer, role: Annotated[str, Form(max_length=50)] = ""
) -> Response:
    require_fresh(caller)
    return _done(
        request, caller, operator_id, lambda s, email, now: operators.change_role(s, email, role, now, caller.acting)
    )


@router.post("/{operator_id}/disable")
def disable(operator_id: Id, request: Request, caller: Viewer) -> Response:
    require_fresh(caller)
    return _done(request, caller, operator_id, lambda s, email, now: operators.disable(s, email, now, caller.acting))


@router.post("/{operator_id}/enable")
def enable(operator_id: Id, request: Request, caller: Viewer) -> Response:
    require_fresh(caller)
    return _done(request, caller, operator_id, lambda s, email, now: operators.enable(s, email, now, caller.acting))


@router.post("/{operator_id}/invite")
def invite(
    operator_id: Id, request: Request, caller: Viewer, show: Annotated[str, Form(max_length=10)] = ""
) -> Response:
    """Invite again by email; with `show`, show the link instead."""
    require_fresh(caller)

    def step(s: Session, email: str, now: datetime) -> str:
        return inviting.invite(s, email, now, caller.acting, by_mail=not show)[1]

    return _done(request, caller, operator_id, step)


@router.post("/{operator_id}/reset")
def reset(operator_id: Id, request: Request, caller: Viewer) -> Response:
    require_fresh(caller)
    return _done(request, caller, operator_id, lambda s, email, now: inviting.reset(s, email, now, caller.acting)[1])


@router.post("/{operator_id}/end-sessions")
def end_sessions(operator_id: Id, request: Request, caller: Viewer) -> Response:
    """This needs no new proof: it only takes away what somebody may have got hold of."""
    return _done(request, caller, operator_id, lambda s, email, now: staff.end_sessions(s, email, now, caller.acting))


def _done(
    request: Request, caller: Caller, operator_id: int, step: Callable[[Session, str, datetime], object]
) -> Response:
    """Do a step and show the operator again; with the reason if it was refused, with the link that it made."""
    with transaction() as s:
        email = staff.member(s, caller.acting, datetime.now(UTC), operator_id).operator.email
    try:
        with transaction() as s:
            made = step(s, email, datetime.now(UTC))
    except TocsinError as error:
        return _one(request, caller, operator_id, told=tell(error))
    if isinstance(made, str) and made:
        return _one(request, caller, operator_id, link=links.address(made))
    return RedirectResponse(f"/console/operators/{operator_id}", 303)


def _list(request: Request, caller: Caller, told: Told | None = None, email: str = "", role: str = "") -> Response:
    with transaction() as s:
        found = staff.members(s, caller.acting, datetime.now(UTC))
    given: dict[str, Any] = {"members": found, "roles": operators.ROLES, "told": told, "email": email, "role": role}
    return page(request, "console/operators.html", caller=caller, **given)


def _one(request: Request, caller: Caller, operator_id: int, *, told: Told | None = None, link: str = "") -> Response:
    with transaction() as s:
        found = staff.member(s, caller.acting, datetime.now(UTC), operator_id)
    given: dict[str, Any] = {
        "m": found,
        "roles": operators.ROLES,
        "told": told,
        "link": link,
        "days": links.LIFE["join"].days,
    }
    return page(request, "console/operator.html", caller=caller, **given)
