"""`/u/<token>`: leaving a list, from a link in a mail or by the mail program itself (RFC 8058)."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse, Response

from api.rendering import language_of, page, words
from notify import subscribers
from notify.core.db import transaction

router = APIRouter(include_in_schema=False)


@router.get("/u/{token}")
def ask(token: str, request: Request) -> Response:
    """Says what it would do. Nothing is changed: mail programs and scanners follow links by themselves."""
    with transaction() as s:
        asked = subscribers.describe_unsubscribe(s, token)
    return _page(request, asked)


@router.post("/u/{token}")
async def stop(token: str, request: Request) -> Response:
    """By the mail program: 200 and no page, with no cookie and no redirect (RFC 8058 section 3.2). By the form's
    buttons: the topic, everything, or back again. Done twice it is done once.

    The token alone decides: a mail program whose form we cannot read wants out all the same.
    """
    pressed = await _pressed(request)
    done = await run_in_threadpool(_do, token, pressed)
    return _page(request, done, undone="undo" in pressed) if pressed else PlainTextResponse("Unsubscribed.\n")


def _do(token: str, pressed: Mapping[str, str]) -> subscribers.Unsubscribed:
    now = datetime.now(UTC)
    with transaction() as s:
        if "undo" in pressed:
            return subscribers.undo_unsubscribe(s, token, now)
        return subscribers.unsubscribe(s, token, everything=pressed.get("stop") == "everything", now=now)


async def _pressed(request: Request) -> dict[str, str]:
    """The button of our own form; none when it is a mail program's, broken, too large or not."""
    try:
        async with request.form(max_files=0, max_fields=10) as form:
            return {name: str(form[name]) for name in ("stop", "undo") if name in form}
    except (HTTPException, MultiPartException, ValueError):
        return {}


def _page(request: Request, asked: subscribers.Unsubscribed, *, undone: bool = False) -> Response:
    """In the resident's language, unless the reader chooses another."""
    language = language_of(request) if "lang" in request.query_params else asked.language
    said = words(language)
    topic = said["topics"].get(asked.topic, "") if asked.topic else ""
    address = asked.masked or said["unsubscribe"]["this_address"]
    return page(
        request, "unsubscribe.html", language=language, asked=asked, undone=undone, topic=topic, address=address
    )
