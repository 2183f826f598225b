"""`/u/<token>`: leaving a list, from a link in a mail or by the mail program itself (RFC 8058)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import PlainTextResponse, Response

from api.pages.rendering import language_of, page, words
from notify import subscribers
from notify.db import transaction

router = APIRouter(include_in_schema=False)


@router.get("/u/{token}")
def ask(token: str, request: Request) -> Response:
    """Says what it would do. Nothing is changed: mail programs and scanners follow links by themselves."""
    with transaction() as s:
        asked = subscribers.describe_unsubscribe(s, token)
    return _page(request, asked)


@router.post("/u/{token}")
def stop(
    token: str,
    request: Request,
    one_click: Annotated[str, Form(alias="List-Unsubscribe")] = "",
    stop: Annotated[str, Form()] = "",
) -> Response:
    """By the mail program: 200 and no page, with no cookie and no redirect (RFC 8058 section 3.2). By the form's
    buttons: the topic, or everything. Done twice it is done once."""
    with transaction() as s:
        done = subscribers.unsubscribe(s, token, everything=stop == "everything", now=datetime.now(UTC))
    if one_click == "One-Click":
        return PlainTextResponse("Unsubscribed.\n")
    return _page(request, done)


def _page(request: Request, asked: subscribers.Unsubscribed) -> Response:
    """In the resident's language, unless the reader chooses another."""
    language = language_of(request) if "lang" in request.query_params else asked.language
    said = words(language)
    topic = said["topics"].get(asked.topic, "") if asked.topic else ""
    address = asked.masked or said["unsubscribe"]["this_address"]
    return page(request, "unsubscribe.html", language=language, asked=asked, topic=topic, address=address)
