"""`/me/data`: everything that is stored of a resident, as a page and as a file, and how they erase it."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.language import of_resident
from api.rates import client_address
from api.rendering import page
from api.resident import session
from api.resident.form_page import form_page
from api.resident.me import Viewer
from api.resident.session import NeedsCode
from notify.accounts.tries import TooManyTries
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused, TocsinError, Unavailable
from notify.subscribers import holdings, hows, joining, leaving, own, posters

router = APIRouter(include_in_schema=False)


@router.get("/me/data")
def show(request: Request, me: Viewer) -> Response:
    return _page(request, me)


@router.get("/me/data.json")
def download(me: Viewer) -> Response:
    """Give all of it out, with addresses in clear. The browser keeps no copy but the file."""
    body = json.dumps(_read(me), default=_plain, ensure_ascii=False, indent=2)
    return Response(
        body, media_type="application/json", headers={"Content-Disposition": 'attachment; filename="my-data.json"'}
    )


@router.get("/me/erase")
def ask(request: Request, me: Viewer) -> Response:
    return form_page(request, "erase.html", contact=_contact(me))


@router.post("/me/erase")
def begin(request: Request, me: Viewer, once: Annotated[str, Form(max_length=64)] = "") -> Response:
    try:
        with transaction() as s:
            token = leaving.begin(
                s,
                me.subscriber_id,
                me.contact_id,
                language=of_resident(request),
                network=client_address(request.scope),
                now=datetime.now(UTC),
                once=once,
            )
    except (Invalid, TooManyTries, Unavailable) as error:
        return form_page(request, "erase.html", error, contact=_contact(me))
    return RedirectResponse(f"/me/erase/{token}?lang={of_resident(request)}", 303)


@router.get("/me/erase/{token}")
def ask_code(request: Request, me: Viewer, token: str) -> Response:
    return _code_page(request, me, token)


@router.post("/me/erase/{token}")
def erase(request: Request, me: Viewer, token: str, code: Annotated[str, Form(max_length=200)] = "") -> Response:
    refused: TocsinError | None = None
    with transaction() as s:  # committed also when it was refused: a wrong code counts
        try:
            leaving.erase(s, me.subscriber_id, token, code, datetime.now(UTC))
        except Refused as error:
            refused = error
        except NotFound:
            if not leaving.is_erased(s, me.subscriber_id):
                raise
    if refused is not None:
        return _code_page(request, me, token, refused)
    answer = RedirectResponse(f"/me/erased?lang={of_resident(request)}", 303)
    session.end(answer)
    return answer


@router.get("/me/erased")
def erased(request: Request) -> Response:
    return page(request, "erased.html")


def _read(me: session.Resident) -> dict[str, Any]:
    try:
        with transaction() as s:
            return holdings.read(s, me.subscriber_id, datetime.now(UTC))
    except NotFound:
        raise NeedsCode from None


def _page(request: Request, me: session.Resident) -> Response:
    found = _read(me)
    with transaction() as s:
        mine = own.read(s, me.subscriber_id)
    shown = {one.id: one.shown for one in mine.contacts}
    return page(request, "my_data.html", found=found, held=holdings.HELD, mine=mine, shown=shown, hows=hows)


def _contact(me: session.Resident) -> own.OwnContact | None:
    try:
        with transaction() as s:
            mine = own.read(s, me.subscriber_id)
    except NotFound:
        raise NeedsCode from None
    return next((one for one in mine.contacts if one.id == me.contact_id), None)


def _code_page(request: Request, me: session.Resident, token: str, error: TocsinError | None = None) -> Response:
    try:
        with transaction() as s:
            waiting, numbers = joining.waiting(s, token, datetime.now(UTC)), posters.texted_numbers(s)
    except NotFound as over:
        return form_page(request, "erase.html", error or over, contact=_contact(me))
    return form_page(request, "erase_code.html", error, token=token, waiting=waiting, numbers=numbers)


def _plain(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
