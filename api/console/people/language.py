"""The choice of a language, on every page of the console."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api import auth
from api.console.people.sign_in import within
from api.language import COOKIE
from notify.accounts import languages, sessions
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)

LIFE = timedelta(days=365)


@router.post("/language")
def choose(
    request: Request,
    language: Annotated[str, Form(max_length=20)] = "",
    next: Annotated[str, Query(max_length=2_000)] = "",  # noqa: A002  the name of the query parameter
) -> Response:
    """Keep the language of whoever is signed in, and that of this browser, which counts when nobody is."""
    auth.require_own_host(request)
    auth.require_own_form(request)
    languages.require(language)
    with transaction() as s:
        if live := sessions.find(s, auth.session_token(request), datetime.now(UTC), active=True):
            languages.choose(s, live.operator, language)
    answer = RedirectResponse(within(next), 303)
    auth.set_cookie(answer, COOKIE, language, int(LIFE.total_seconds()))
    return answer
