"""An operator's own account: where one is signed in, and what one signs in with."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer, require_fresh
from api.errors import tell
from api.ids import Id
from api.rendering import page
from notify.accounts import codes, credentials, passkeys, passwords, sessions
from notify.core import audit
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError, Unavailable

router = APIRouter(prefix="/console/you", include_in_schema=False)


@router.get("")
def show(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("/sessions/{session_id}/end")
def end_session(session_id: Id, caller: Viewer) -> Response:
    """Sign out on another device. This needs no new proof: whoever doubts a session must be able to end it."""
    with transaction() as s:
        sessions.end_one(s, caller.acting.id, session_id, datetime.now(UTC))
    return RedirectResponse("/console/you", 303)


@router.post("/sessions/end-others")
def end_others(caller: Viewer) -> Response:
    with transaction() as s:
        sessions.end_all(s, caller.acting.id, datetime.now(UTC), but=caller.live.id)
    return RedirectResponse("/console/you", 303)


@router.post("/password")
def change_password(
    request: Request, caller: Viewer, password: Annotated[str, Form(max_length=5_000)] = ""
) -> Response:
    """Change the password and sign out everywhere else."""
    require_fresh(caller)
    operator, now = caller.acting, datetime.now(UTC)
    try:
        hashed = passwords.hashed(passwords.check(password, operator.email))
        with transaction() as s:
            credentials.change_password(s, operator, hashed, now)
            sessions.end_all(s, operator.id, now, but=caller.live.id)
    except (Invalid, Unavailable) as error:
        return _page(request, caller, error)
    return RedirectResponse("/console/you", 303)


@router.post("/recovery-codes")
def renew_recovery_codes(request: Request, caller: Viewer) -> Response:
    require_fresh(caller)
    operator, now = caller.acting, datetime.now(UTC)
    with transaction() as s:
        credentials.require(s, operator)
        made = codes.new_recovery_codes(s, operator, now)
        audit.note(s, now=now, by=operator, action="recovery-codes", subject="operator", subject_id=operator.id)
    return page(
        request,
        "console/recovery_codes.html",
        caller=caller,
        email=operator.email,
        codes=made,
        joined=False,
    )


def _page(request: Request, caller: Caller, error: TocsinError | None = None) -> Response:
    operator, now, told = caller.acting, datetime.now(UTC), tell(error) if error else None
    with transaction() as s:
        open_sessions = sessions.of(s, operator.id, now)
        kept = credentials.of(s, operator.id)
        left = codes.recovery_codes_left(s, operator.id)
        own_passkeys = passkeys.of(s, operator.id)
    return page(
        request,
        "console/you.html",
        caller=caller,
        sessions=open_sessions,
        here=caller.live.id,
        kept=kept,
        left=left,
        passkeys=own_passkeys,
        has_passkeys=passkeys.site() is not None,
        told=told,
    )
