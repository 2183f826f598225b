"""The city's policies about channels: a list, and the forms that make and end one."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.alerts.readiness import channel_policies
from notify.alerts.readiness.channel_policies import Wanted
from notify.channels.channel import CHANNELS
from notify.core.db import transaction
from notify.core.errors import TocsinError
from notify.models import Topic

router = APIRouter(prefix="/console/policies", include_in_schema=False)

EMPTY = Wanted("", "", "", "", "")


@router.get("")
def list_policies(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("")
def add(
    request: Request,
    caller: Viewer,
    channel: Annotated[str, Form(max_length=30)] = "",
    topic: Annotated[str, Form(max_length=30)] = "",
    owner: Annotated[str, Form(max_length=2000)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    review_on: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    wanted = Wanted(channel, topic, owner, reason, review_on)
    try:
        with transaction() as s:
            channel_policies.add(s, wanted, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, tell(error), wanted)
    return RedirectResponse("/console/policies", 303)


@router.post("/{policy_id}/end")
def end(policy_id: Id, request: Request, caller: Viewer) -> Response:
    try:
        with transaction() as s:
            channel_policies.end(s, policy_id, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, tell(error))
    return RedirectResponse("/console/policies", 303)


def _page(request: Request, caller: Caller, told: Told | None = None, filled: Wanted = EMPTY) -> Response:
    with transaction() as s:
        policies = channel_policies.standing(s)
    return page(
        request,
        "console/policies.html",
        caller=caller,
        policies=policies,
        today=datetime.now(UTC).date(),
        channels=list(CHANNELS),
        topics=[topic.value for topic in Topic],
        filled=filled,
        may_change=caller.may("administer"),
        told=told,
    )
