"""An operator's own phone and email, for requests to approve and for tests of an alert."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.errors import tell
from api.rendering import page
from notify.accounts import contacts
from notify.channels.channel import of_residents
from notify.core.db import transaction
from notify.core.errors import TocsinError

router = APIRouter(prefix="/console/you/contacts", include_in_schema=False)
Channel = Annotated[str, Form(max_length=20)]


@router.get("")
def show(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("")
def add(
    request: Request, caller: Viewer, channel: Channel, address: Annotated[str, Form(max_length=320)] = ""
) -> Response:
    return _done(request, caller, lambda s, now: contacts.add(s, caller.acting, channel, address, now))


@router.post("/confirm")
def confirm(
    request: Request, caller: Viewer, channel: Channel, code: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    return _done(request, caller, lambda s, now: contacts.confirm(s, caller.acting, channel, code, now))


@router.post("/remove")
def remove(request: Request, caller: Viewer, channel: Channel) -> Response:
    return _done(request, caller, lambda s, now: contacts.remove(s, caller.acting, channel, now))


def _done(request: Request, caller: Caller, step: Callable[[Session, datetime], None]) -> Response:
    refused: TocsinError | None = None
    with transaction() as s:  # committed also when it was refused: a wrong code counts
        try:
            step(s, datetime.now(UTC))
        except TocsinError as error:
            refused = error
    if refused is not None:
        return _page(request, caller, refused)
    return RedirectResponse("/console/you/contacts", 303)


def _page(request: Request, caller: Caller, error: TocsinError | None = None) -> Response:
    told = tell(error) if error else None
    with transaction() as s:
        mine = {one.channel: one for one in contacts.own(s, caller.acting, datetime.now(UTC))}
    return page(
        request,
        "console/contacts.html",
        caller=caller,
        channels=of_residents(),
        mine=mine,
        told=told,
    )
