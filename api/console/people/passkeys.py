"""Passkeys: sign in with one, and add and remove one's own. `static/passkey.js` talks to the browser."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api import auth
from api.auth import Caller, Viewer, require_fresh
from api.console.people.sign_in import sign_in_page, signed_in, within
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.accounts import passkeys, signing_in
from notify.accounts.signing_in import NotProven
from notify.core.db import transaction
from notify.core.errors import TocsinError

router = APIRouter(prefix="/console", include_in_schema=False)
Answer = Annotated[str, Form(max_length=20_000)]


@router.post("/passkey/options")
def sign_in_options(request: Request) -> Response:
    auth.require_own_host(request)
    auth.require_own_form(request)
    with transaction() as s:
        options = passkeys.request_options(s, passkeys.SIGN_IN, datetime.now(UTC))
    return Response(options, media_type="application/json")


@router.post("/passkey")
def sign_in(
    request: Request,
    passkey: Answer = "",
    next: Annotated[str, Form(max_length=500)] = "",  # noqa: A002
) -> Response:
    auth.require_own_host(request)
    auth.require_own_form(request)
    now, device = datetime.now(UTC), auth.device_token(request)
    try:
        with transaction() as s:
            operator = passkeys.use(s, passkey, passkeys.SIGN_IN, now)
            agent = request.headers.get("user-agent", "")
            token = signing_in.welcome(s, operator, "passkey", device, agent, now)
    except NotProven:
        refused = NotProven()
        refused.message, refused.hint = "This passkey is not known here.", "Try again, or use your password."
        return sign_in_page(request, next, "", refused)
    return signed_in(request, token, within(next), device)


@router.post("/prove/options")
def proof_options(caller: Viewer) -> Response:
    with transaction() as s:
        options = passkeys.request_options(s, caller.live.id, datetime.now(UTC), caller.acting.id)
    return Response(options, media_type="application/json")


@router.get("/you/passkeys")
def ask(request: Request, caller: Viewer) -> Response:
    require_fresh(caller)
    return _page(request, caller)


@router.post("/you/passkeys/options")
def registration_options(caller: Viewer) -> Response:
    require_fresh(caller)
    with transaction() as s:
        options = passkeys.registration_options(s, caller.acting, caller.live.id, datetime.now(UTC))
    return Response(options, media_type="application/json")


@router.post("/you/passkeys")
def register(
    request: Request, caller: Viewer, passkey: Answer = "", name: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    require_fresh(caller)
    try:
        with transaction() as s:
            passkeys.register(s, caller.acting, caller.live.id, passkey, name, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse("/console/you", 303)


@router.post("/you/passkeys/{passkey_id}/remove")
def remove(passkey_id: Id, caller: Viewer) -> Response:
    require_fresh(caller)
    with transaction() as s:
        passkeys.remove(s, caller.acting, passkey_id, datetime.now(UTC))
    return RedirectResponse("/console/you", 303)


def _page(request: Request, caller: Caller, told: Told | None = None) -> Response:
    possible = passkeys.site() is not None
    return page(request, "console/passkey.html", caller=caller, told=told, possible=possible)
