"""`/me/test`: a resident sends a test to their own phone or email."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.language import of_resident
from api.resident.form_page import form_page
from api.resident.me import Viewer
from api.resident.session import NeedsCode, Resident
from notify.accounts.tries import TooManyTries
from notify.core.db import transaction
from notify.core.errors import NotFound, Refused, TocsinError, Unavailable
from notify.subscribers import own, self_tests

router = APIRouter(include_in_schema=False)


@router.get("/me/test")
def show(request: Request, me: Viewer) -> Response:
    return _page(request, me)


@router.post("/me/test/{contact_id}")
def send(request: Request, me: Viewer, contact_id: int) -> Response:
    try:
        with transaction() as s:
            self_tests.send(s, me.subscriber_id, contact_id, datetime.now(UTC))
    except (Refused, TooManyTries, Unavailable) as error:
        return _page(request, me, error)
    return RedirectResponse(f"/me/test?lang={of_resident(request)}", 303)


def _page(request: Request, me: Resident, error: TocsinError | None = None) -> Response:
    try:
        with transaction() as s:
            mine, last = own.read(s, me.subscriber_id), self_tests.last(s, me.subscriber_id)
    except NotFound:
        raise NeedsCode from None
    return form_page(request, "self_test.html", error, mine=mine, last=last)
