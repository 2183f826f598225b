"""Replace one's own authenticator app, after a new proof: a passkey, or the password and a code of the old app or a
recovery code."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer, require_fresh
from api.console.people.joining import qr, spaced
from api.errors import tell
from api.rendering import page
from notify.accounts import codes, credentials, sessions
from notify.core.db import transaction
from notify.core.errors import TocsinError

router = APIRouter(prefix="/console/you/app", include_in_schema=False)


@router.get("")
def ask(request: Request, caller: Viewer) -> Response:
    require_fresh(caller)
    return _page(request, caller)


@router.post("")
def replace(request: Request, caller: Viewer, code: Annotated[str, Form(max_length=100)] = "") -> Response:
    """Replace the app and sign out everywhere else."""
    require_fresh(caller)
    now, secret = datetime.now(UTC), _secret(caller)
    try:
        with transaction() as s:
            credentials.replace_app(s, caller.acting, secret, code, now)
            sessions.end_all(s, caller.acting.id, now, but=caller.live.id)
    except TocsinError as error:
        return _page(request, caller, error)
    return RedirectResponse("/console/you", 303)


def _secret(caller: Caller) -> str:
    """Return the secret that this session offers: the same until it is taken, or the session ends."""
    with transaction() as s:
        kept = credentials.require(s, caller.acting)
        return codes.secret_for(f"app.{caller.live.id}.{kept.secret_at.isoformat()}")


def _page(request: Request, caller: Caller, error: TocsinError | None = None) -> Response:
    secret, email = _secret(caller), caller.acting.email
    told = tell(error) if error else None
    return page(
        request,
        "console/own_app.html",
        status=told.status if told else 200,
        caller=caller,
        qr=qr(secret, email),
        secret=spaced(secret),
        told=told,
    )
