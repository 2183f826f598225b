"""Operators sign in with email, password and code; on a training stack, by the links that `tocsin up --demo` prints."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api import auth, proving
from api.errors import retry_after, tell
from api.language import is_at_console
from api.rendering import page
from notify.accounts import links, passkeys, sessions, signing_in
from notify.accounts.tries import TooManyTries
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Operator

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("/sign-in")
def ask(request: Request, next: str = "") -> Response:  # noqa: A002  the name of the query parameter
    auth.require_own_host(request)
    return sign_in_page(request, next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    email: Annotated[str, Form(max_length=320)] = "",
    password: Annotated[str, Form(max_length=5_000)] = "",
    code: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=500)] = "",  # noqa: A002
) -> Response:
    auth.require_own_host(request)
    auth.require_own_form(request)
    now, device = datetime.now(UTC), auth.device_token(request)
    try:
        token = proving.first(email, password, code, device, request, now)
    except (signing_in.NotProven, TooManyTries, Unavailable) as error:
        return sign_in_page(request, next, email, error)
    return signed_in(request, token, within(next), device)


@router.get("/enter")
def confirm(request: Request, link: str = "") -> Response:
    """Ask for confirmation before signing in by a link. Mail scanners and previews follow links, and must not use one
    up; and nobody is signed in by a link that somebody else has sent."""
    auth.require_own_host(request)
    _require_training()
    with transaction() as s:
        who = links.find(s, link, "training", datetime.now(UTC))
    return page(request, "console/enter.html", link=link, who=who)


@router.post("/enter")
def enter(request: Request, link: Annotated[str, Form(max_length=500)]) -> Response:
    auth.require_own_host(request)
    auth.require_own_form(request)
    _require_training()
    now = datetime.now(UTC)
    with transaction() as s:
        operator = links.find(s, link, "training", now)
        token = sessions.begin(s, operator, "training", request.headers.get("user-agent", ""), now)
        links.use(s, link, "training", now)
    return signed_in(request, token, "/console")


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    auth.require_own_form(request)
    answer = RedirectResponse("/console/sign-in", 303)
    auth.sign_out(request, answer)
    return answer


def signed_in(request: Request, token: str, to: str, device: str = "") -> Response:
    """Lead somebody on who has just signed in. The session that this browser had before ends."""
    if to == "/console":
        with transaction() as s:
            live = sessions.find(s, token, datetime.now(UTC))
        to = home(live.operator) if live else to
    answer = RedirectResponse(to, 303)
    replace_session(request, answer, token, device)
    return answer


def replace_session(request: Request, answer: Response, token: str, device: str = "") -> None:
    with transaction() as s:
        sessions.end(s, auth.session_token(request), datetime.now(UTC))
    auth.sign_in(answer, token, device)


def to_sign_in(request: Request, _error: Exception) -> Response:
    """Handle `auth.NeedsSignIn`: redirect to the sign-in page and from there back; after a form, to the page of it."""
    back = request.url.path
    if request.method != "GET" or back.endswith("/events"):
        form_on = auth.parts_of(request.headers.get("referer", ""))
        back = within(form_on.path) if form_on.netloc == request.url.netloc else "/console"
    return RedirectResponse(f"/console/sign-in?{urlencode({'next': back})}", 303)


def home(operator: Operator) -> str:
    """Return where somebody begins who signs in: agents at the desk of 311."""
    return "/desk" if operator.role == "agent" else "/console"


def within(path: str) -> str:
    """Return the path if it is one of the console or the desk, else the console, but never another site."""
    plain = path.isprintable() and "\\" not in path
    return path if plain and is_at_console(path) else "/console"


def _require_training() -> None:
    """Raise Invalid unless all that is sent goes to simulators: these links ask for no password."""
    if not settings().simulator_url:
        raise Invalid(_("There is no training city here."), hint=_("Sign in at /console/sign-in."))


def sign_in_page(request: Request, to: str, email: str = "", error: TocsinError | None = None) -> Response:
    told = tell(error) if error else None
    status = 401 if isinstance(error, signing_in.NotProven) else told.status if told else 200
    given = {"next": within(to), "email": email, "told": told, "has_passkeys": passkeys.site() is not None}
    return page(request, "console/sign_in.html", status=status, headers=retry_after(error), **given)
