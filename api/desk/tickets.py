"""`/desk/tickets`: residents who said that a date of a calendar is wrong, and what became of it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import whole_number
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.accounts import operators
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.service311 import editions, tickets

router = APIRouter(prefix="/desk/tickets", include_in_schema=False)
MOST_EDITION = 2**31 - 1


@router.get("")
def list_tickets(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("/{ticket_id}/take")
def take(request: Request, caller: Viewer, ticket_id: Id) -> Response:
    try:
        with transaction() as s:
            tickets.take(s, ticket_id, datetime.now(UTC), caller.acting)
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse("/desk/tickets", 303)


@router.post("/{ticket_id}/close")
def close(
    request: Request,
    caller: Viewer,
    ticket_id: Id,
    outcome: Annotated[str, Form(max_length=10)] = "",
    edition: Annotated[str, Form(max_length=20)] = "",
    answer: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    try:
        mended_in = None
        if outcome == "mended":
            mended_in = whole_number(
                edition, gettext_noop("%(given)s is not an edition."), gettext_noop("Write its number."), MOST_EDITION
            )
        if outcome not in ("mended", "right") or (outcome == "mended" and mended_in is None):
            raise Invalid(_("Say what you found."), hint=_("Mended in an edition, or right as it is."))
        with transaction() as s:
            tickets.close(s, ticket_id, answer, datetime.now(UTC), caller.acting, mended_in)
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse("/desk/tickets", 303)


def _page(request: Request, caller: Caller, told: Told | None = None) -> Response:
    operators.require(caller.acting, "serve")
    with transaction() as s:
        waiting, closed = tickets.open_ones(s), tickets.closed_ones(s, datetime.now(UTC))
        newest = editions.current(s)
    return page(
        request, "desk/tickets.html", caller=caller, told=told, waiting=waiting, closed=closed,
        newest=newest.number if newest else None,
    )  # fmt: skip
