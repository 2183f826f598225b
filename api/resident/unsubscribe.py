"""`/u/<token>`: unsubscribe, by a link in an email or by the mail program itself (RFC 8058)."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse, Response

from api.rendering import language_of, page
from notify import subscribers
from notify.core import topic_words, translation
from notify.core.db import transaction
from notify.core.translation import gettext as _

router = APIRouter(include_in_schema=False)


@router.get("/u/{token}")
def ask(token: str, request: Request) -> Response:
    """Ask for confirmation. Nothing is changed, because mail programs and scanners follow links by themselves."""
    with transaction() as s:
        asked = subscribers.describe_unsubscribe(s, token)
    return _page(request, asked)


@router.post("/u/{token}")
async def stop(token: str, request: Request) -> Response:
    """Unsubscribe. A mail program gets 200 without a page, cookie or redirect (RFC 8058 section 3.2). The buttons of
    our form choose the topic, everything, or undo. Repeating it changes nothing.

    Only the token matters: a mail program's request unsubscribes even if its form cannot be read.
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
    """Return the button of our own form; {} for a mail program's request, whatever its body."""
    try:
        async with request.form(max_files=0, max_fields=10) as form:
            return {name: str(form[name]) for name in ("stop", "undo") if name in form}
    except (HTTPException, MultiPartException, ValueError):
        return {}


def _page(request: Request, asked: subscribers.Unsubscribed, *, undone: bool = False) -> Response:
    """Return the page, in the resident's language unless the reader has chosen another."""
    language = language_of(request) if "lang" in request.query_params else asked.language
    with translation.speaking(language):
        topic = topic_words.subject(asked.topic) if asked.topic else ""
        address = asked.masked or _("this address")
        return page(
            request,
            "unsubscribe.html",
            language=translation.language(),
            asked=asked,
            undone=undone,
            topic=topic,
            address=address,
        )
