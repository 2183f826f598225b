"""`/verify`: whether the city sent a message, its exact words, and a signed copy that can be checked without us."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.ids import Id
from api.rendering import language_of, page
from api.resident import notices
from notify.alerts.public import signing, verifying
from notify.alerts.public.verifying import Verdict
from notify.channels.channel import CHANNELS
from notify.content.compose import UNSUBSCRIBE_URL
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.core.settings import settings
from notify.core.statements import key_set
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.models import StoredContent

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=verifying.LONGEST)]


@router.get("/verify")
def ask(request: Request, code: str = "") -> Response:
    if code:
        return _answer(request, code)
    return page(request, "verify.html", verdict=None)


@router.post("/verify")
def check(request: Request, code: Text = "") -> Response:
    """Answer what was typed or pasted. It changes nothing, so it may come from any site."""
    return _answer(request, code) if code.strip() else page(request, "verify.html", verdict=None)


@router.get("/verify/{alert_id}.json")
def read_signed(alert_id: Id) -> Response:
    with transaction() as s:
        found = signing.document(s, alert_id)
    if found is None:
        raise NotFound("There is no signed alert with this number.")
    return JSONResponse(found)


@router.get("/verify/{alert_id}")
def result(alert_id: Id, request: Request) -> Response:
    return _result(request, alert_id, "")


@router.get("/.well-known/tocsin-keys.json")
def read_keys() -> Response:
    with transaction() as s:
        return JSONResponse(key_set(signing.published(s)))


def _answer(request: Request, given: str) -> Response:
    code = verifying.code_of(given)
    if code is not None and not verifying.is_message(given):
        return RedirectResponse(f"/verify/{code}?lang={language_of(request)}", 303)
    return _result(request, code, given)


def _result(request: Request, code: int | None, message: str) -> Response:
    now, language = datetime.now(UTC), language_of(request)
    with transaction() as s:
        sent = None if code is None else verifying.find(s, code)
        shown = None if sent is None else notices.find(s, sent.alert_id, language, now)
        told = verifying.told_as(sent, message) if sent is not None and message else None
        verdict = Verdict.SENT if sent is None or not message else Verdict.SAME if told is not None else Verdict.OTHER
        if verdict is Verdict.OTHER and verifying.is_digest(s, message):
            verdict = Verdict.SAME
    if sent is None:
        site, status = f"{settings().public_url}/", 404 if code else 200
        return page(request, "verify.html", verdict=Verdict.UNKNOWN, code=code, site=site, status=status)
    # The words that they pasted, or else all: what went to a part of the area must not look like a fraud there.
    exact, *apart = [_words(words, language) for words in ([told] if told else [sent.words, *sent.apart])]
    return page(request, "verify.html", verdict=verdict, sent=sent, shown=shown, exact=exact, apart=apart)


def _words(words: Mapping[tuple[str, str], StoredContent], language: str) -> list[tuple[str, str, str]]:
    """Return channel, language and the exact words, those in the reader's language first."""
    order = sorted(words, key=lambda one: (one[1] != language, list(CHANNELS).index(one[0]), one[1]))
    return [(*one, _to_anybody(words[one].text, one[1])) for one in order]


def _to_anybody(text: str, language: str) -> str:
    """Return the words with a sentence in the place of each recipient's own link."""
    with speaking(language):
        return text.replace(UNSUBSCRIBE_URL, _("(a link of your own)"))
