"""Join by a link: choose a password, set up an authenticator app, and keep the recovery codes."""

from datetime import UTC, datetime
from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from starlette.responses import Response

from api import auth
from api.console.people.sign_in import home, replace_session
from api.errors import tell
from api.rendering import page
from notify.accounts import codes, credentials, devices, links, passwords, sessions
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError, Unavailable

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("/join")
def ask(request: Request, link: str = "") -> Response:
    auth.require_own_host(request)
    return _page(request, link)


@router.post("/join")
def join(
    request: Request,
    link: Annotated[str, Form(max_length=500)] = "",
    password: Annotated[str, Form(max_length=5_000)] = "",
    code: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    auth.require_own_host(request)
    auth.require_own_form(request)
    now, device, agent = datetime.now(UTC), devices.new_token(), request.headers.get("user-agent", "")
    with transaction() as s:
        email = links.find(s, link, "join", now).email
    try:
        hashed = passwords.hashed(passwords.check(password, email))
        with transaction() as s:
            operator, recovery = credentials.join(s, link, hashed, code, codes.secret_for(link), now)
            token = sessions.begin(s, operator, "password", agent, now)
            devices.keep(s, device, operator.id, now)
    except (Invalid, Unavailable) as error:
        return _page(request, link, error)
    answer = page(request, "console/recovery_codes.html", email=email, codes=recovery, joined=home(operator))
    replace_session(request, answer, token, device)
    return answer


def qr(secret: str, email: str) -> Markup:
    """The QR code of an authenticator app, as SVG. Dark on light in both schemes: cameras read no other."""
    drawn = segno.make(codes.uri(secret, email), error="m")
    return Markup(drawn.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None))  # noqa: S704  drawn by segno


def spaced(secret: str) -> str:
    """The secret in groups of four, as one types it."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _page(request: Request, link: str, error: TocsinError | None = None) -> Response:
    """The page of a link; if it is used up or too old, an error page that says what to do."""
    with transaction() as s:
        who = links.find(s, link, "join", datetime.now(UTC))
    secret, told = codes.secret_for(link), tell(error) if error else None
    return page(
        request,
        "console/join.html",
        link=link,
        who=who,
        qr=qr(secret, who.email),
        secret=spaced(secret),
        told=told,
    )
