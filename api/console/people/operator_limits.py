"""The limits of one operator, for administrators: a form."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer, require_fresh
from api.console.forms import whole_number
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.accounts import operator_limits, staff
from notify.accounts.operator_limits import Limits
from notify.core.db import transaction
from notify.core.errors import TocsinError
from notify.core.translation import gettext_noop
from notify.models import Topic

router = APIRouter(prefix="/console/operators/{operator_id}/limits", include_in_schema=False)
Words = Annotated[str, Form(max_length=20)]


@router.get("")
def show_limits(operator_id: Id, request: Request, caller: Viewer) -> Response:
    return _page(request, caller, operator_id)


@router.post("")
def change_limits(
    operator_id: Id,
    request: Request,
    caller: Viewer,
    contacts: Words = "",
    topics: Annotated[list[str] | None, Form()] = None,
    zones: Annotated[str, Form(max_length=20_000)] = "",
    begin: Words = "",
    until: Words = "",
) -> Response:
    """Set all limits. A field that is left empty, or no topic at all, takes the limit away."""
    require_fresh(caller)
    filled: dict[str, str | list[str]] = {
        "contacts": contacts,
        "topics": topics or [],
        "zones": zones,
        "begin": begin,
        "until": until,
    }
    try:
        with transaction() as s:
            now = datetime.now(UTC)
            operator = staff.member(s, caller.acting, now, operator_id).operator
            operator_limits.change(
                s,
                operator,
                now,
                caller.acting,
                contacts=whole_number(
                    contacts,
                    gettext_noop("%(given)s is not a number of contacts."),
                    gettext_noop("Write it in digits, or leave it empty."),
                ),
                topics=topics or [operator_limits.ALL],
                zones=zones.splitlines(),
                hours=f"{begin}-{until}" if begin or until else operator_limits.ALL,
            )
    except TocsinError as error:
        return _page(request, caller, operator_id, filled, tell(error))
    return RedirectResponse(f"/console/operators/{operator_id}", 303)


def _page(
    request: Request,
    caller: Caller,
    operator_id: int,
    filled: Mapping[str, str | list[str]] | None = None,
    told: Told | None = None,
) -> Response:
    with transaction() as s:
        found = staff.member(s, caller.acting, datetime.now(UTC), operator_id)
        limits = operator_limits.of(s, found.operator)
        kept = _kept(limits, operator_limits.zone_names(s, limits))
    return page(
        request,
        "console/operator_limits.html",
        caller=caller,
        told=told,
        m=found,
        known=[topic.value for topic in Topic],
        filled=filled or kept,
    )


def _kept(limits: Limits, zones: list[str]) -> Mapping[str, str | list[str]]:
    return {
        "contacts": "" if limits.contacts is None else str(limits.contacts),
        "topics": list(limits.topics or ()),
        "zones": "\n".join(zones),
        "begin": f"{limits.hours.begin:%H:%M}" if limits.hours else "",
        "until": f"{limits.hours.until:%H:%M}" if limits.hours else "",
    }
