"""`/desk/notices/storm`: call collections off from now on, and say later what becomes of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, cast

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.errors import Told, tell
from api.rendering import page
from notify.accounts import operators
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models.states import AlertState
from notify.operations import tasks
from notify.service311 import calendars
from notify.service311.notices import acts, looking, storm
from notify.service311.notices.causes import CAUSES
from notify.service311.notices.looking import Look
from notify.service311.notices.storm import Decision, Storm
from notify.service311.streams import STREAMS

router = APIRouter(prefix="/desk/notices/storm", include_in_schema=False)
Text = Annotated[str, Form(max_length=20)]
Some = Annotated[list[str] | None, Form()]


@router.get("")
def ask(request: Request, caller: Viewer, incident: int = 0) -> Response:
    operators.require(caller.acting, "collections")
    today = calendars.today(datetime.now(UTC))
    first = Storm(frozenset(), frozenset(STREAMS), today, today, "", "unknown")
    if incident:
        with transaction() as s:
            begun = storm.begun(s, incident, datetime.now(UTC))
        first = replace(begun, decision="day", to=max(today, begun.last) + timedelta(days=1))
    return _page(request, caller, first)


@router.post("")
def look_or_publish(
    request: Request,
    caller: Viewer,
    zone: Some = None,
    stream: Some = None,
    first: Text = "",
    last: Text = "",
    cause: Text = "",
    decision: Text = "",
    to: Text = "",
    incident: Annotated[int, Form()] = 0,
    edition: Annotated[int, Form()] = 0,
    channel: Some = None,
    act: Text = "look",
) -> Response:
    """Show what a decision changes and whom it is told; with `act=publish` publish it."""
    operators.require(caller.acting, "collections")
    now = datetime.now(UTC)
    given = Storm(
        frozenset(int(one) for one in zone or () if one.isdecimal()),
        frozenset(stream or ()),
        _date(first) or calendars.today(now),
        _date(last) or _date(first) or calendars.today(now),
        cause,
        cast(Decision, decision),
        _date(to) if decision == "day" else None,
        incident or None,
    )
    try:
        if act != "publish":
            planned, look = looking.at_storm(given, caller.acting.email, now, settings())
            return _page(request, caller, given, look=look, edition=planned.edition)
        published = acts.publish_storm(given, edition, channel or (), caller.acting, now, settings())
    except TocsinError as error:
        return _page(request, caller, given, tell(error))
    if published.alert.state is AlertState.SENDING:
        tasks.ring_alert(published.alert)
    return RedirectResponse(f"/desk/notices/{published.notice_id}", 303)


def _page(
    request: Request,
    caller: Caller,
    given: Storm,
    told: Told | None = None,
    look: Look | None = None,
    edition: int | None = None,
) -> Response:
    with transaction() as s:
        zones = calendars.zones_with_days(s)
        collected = calendars.streams_collected(s)
    return page(
        request, "desk/notice_storm.html", caller=caller, told=told, given=given, zones=zones, look=look,
        edition=edition, alone_most=settings().alone_most, causes=CAUSES,
        streams=[one for one in STREAMS if one in collected or not collected],
    )  # fmt: skip


def _date(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise Invalid(_("%(given)s is not a date.", given=repr(given)), hint=_("Write it like 2027-01-04.")) from None
