"""Operators sign in with an API key, or by the link that `tocsin up --demo` prints."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api import auth
from api.rendering import page
from notify.accounts import operators, sessions
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("/sign-in")
def ask(request: Request, next: str = "") -> Response:  # noqa: A002  the name of the query parameter
    auth.require_own_host(request)
    return page(request, "console/sign_in.html", language="en", next=_within(next), problem="")


@router.post("/sign-in")
def sign_in(
    request: Request,
    key: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=500)] = "",  # noqa: A002
) -> Response:
    auth.require_own_host(request)
    auth.require_own_form(request)
    with transaction() as s:
        found = auth.key_of_caller(s, key)
        token = sessions.begin(s, found, datetime.now(UTC)) if found else ""
    if not token:
        problem = "This key is not valid. Keys begin with tocsin_ and are shown once, when they are made."
        return page(request, "console/sign_in.html", status=401, language="en", next=_within(next), problem=problem)
    answer = RedirectResponse(_within(next), 303)
    auth.sign_in(answer, token)
    return answer


@router.get("/enter")
def confirm(request: Request, ticket: str = "") -> Response:
    """Ask for confirmation before signing in by a link. Mail scanners and previews follow links, and must not use one
    up; and nobody is signed in by a link that somebody else has sent."""
    auth.require_own_host(request)
    with transaction() as s:
        acts_for = operators.of_key(s, sessions.check_ticket(s, ticket, datetime.now(UTC)))
    return page(request, "console/enter.html", language="en", ticket=ticket, who=acts_for.email if acts_for else "")


@router.post("/enter")
def enter(request: Request, ticket: Annotated[str, Form(max_length=500)]) -> Response:
    auth.require_own_host(request)
    auth.require_own_form(request)
    with transaction() as s:
        token = sessions.enter(s, ticket, datetime.now(UTC))
    answer = RedirectResponse("/console", 303)
    auth.sign_in(answer, token)
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    auth.require_own_form(request)
    answer = RedirectResponse("/console/sign-in", 303)
    auth.sign_out(request, answer)
    return answer


def to_sign_in(request: Request, _error: Exception) -> Response:
    """Handle `auth.NeedsSignIn`: redirect to the sign-in page and from there back; after a form, to the console."""
    back = request.url.path if request.method == "GET" and not request.url.path.endswith("/events") else "/console"
    return RedirectResponse(f"/console/sign-in?{urlencode({'next': back})}", 303)


def _within(path: str) -> str:
    """Return the path if it is one of the console, else the console, but never another site."""
    return path if path == "/console" or path.startswith("/console/") else "/console"
