"""The senders: what each may send and whether it works, and the forms that change, stop or open one."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import whole_number
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.delivery import sender_status, senders
from notify.operations import tasks

router = APIRouter(prefix="/console/senders", include_in_schema=False)


@router.get("")
def list_senders(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("/{sender_id}")
def change(
    sender_id: Id,
    request: Request,
    caller: Viewer,
    rate_per_s: Annotated[str, Form(max_length=30)] = "",
    daily_cap: Annotated[str, Form(max_length=30)] = "",
    status: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """Change the rate and the cap, or stop or open a sender. A field that is left out stays as it is."""
    try:
        with transaction() as s:
            senders.change(
                s,
                sender_id,
                datetime.now(UTC),
                rate_per_s=_rate(rate_per_s) if rate_per_s else None,
                daily_cap=whole_number(
                    daily_cap,
                    gettext_noop("%(given)s is not a valid daily cap."),
                    gettext_noop("Give a number of messages, or 0 for no cap."),
                    2**31 - 1,
                ),
                status=status or None,
                by=caller.acting,
            )
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse(f"/console/senders#sender-{sender_id}", 303)


def _rate(given: str) -> float:
    try:
        return float(given.replace(",", ""))
    except ValueError:
        raise Invalid(
            _("%(given)s is not a valid rate.", given=repr(given)), hint=_("Give a number a second, such as 25.")
        ) from None


def _page(request: Request, caller: Caller, told: Told | None = None) -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        channels = sender_status.read(s, tasks.redis_client(), now)
    return page(
        request,
        "console/senders.html",
        caller=caller,
        channels=channels,
        now=now,
        may_change=caller.may("administer"),
        told=told,
    )
