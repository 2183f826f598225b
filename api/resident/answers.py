"""`/answers`: what the city has answered. The page is kept; a search is a form, so that its words are in no log."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.auth import require_own_form
from api.rendering import language_of, page
from notify.core.db import transaction
from notify.service311.answers import search, store

router = APIRouter(include_in_schema=False)


@router.get("/answers")
def show(request: Request) -> Response:
    with transaction() as s:
        every = store.in_force(s, language_of(request), datetime.now(UTC))
    return page(request, "answers.html", answers=every, asked="", looked=False)


@router.post("/answers")
def look(request: Request, asked: Annotated[str, Form(max_length=300)] = "") -> Response:
    require_own_form(request)
    with transaction() as s:
        found = search.find(s, asked, language_of(request), datetime.now(UTC))
    headers = {"Cache-Control": "no-store"}
    return page(request, "answers.html", answers=found.answers, asked=asked, looked=True, headers=headers)
