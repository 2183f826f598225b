"""An alert's live numbers: parts of its page, sent when they change."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.auth import Caller, Viewer
from api.console.alert import alert_view
from api.console.alert.watched import FOR_ALL, FOR_ONE, render_parts, watched_alert
from api.ids import Id
from notify.alerts.reporting import reports
from notify.core import states
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)


def watched(alert_id: Id, caller: Viewer) -> Caller:
    """Check that the alert exists, because a stream cannot change its status once it has begun. Return the caller."""
    with transaction() as s:
        reports.find_alert(s, alert_id)
    return caller


@router.get("/alerts/{alert_id}/events", response_class=EventSourceResponse)
async def events(
    alert_id: Id, caller: Annotated[Caller, Depends(watched)], seen: Annotated[str, Query(max_length=20)] = ""
) -> AsyncIterator[ServerSentEvent]:
    """Stream the parts until the alert or the session ends, or the client leaves. `seen`: the state on the page.

    No database connection is held between looks."""
    sent: dict[str, str] = {}
    since, over = datetime.now(UTC), False
    while not over:
        try:
            state, parts, over = await look(alert_id, caller, seen, since)
        except Turned:
            return  # without "over": the browser connects again, with the rights that its reader has now
        for name, html in parts.items():
            if sent.get(name) != html:
                yield ServerSentEvent(event=name, raw_data=html)
        seen, sent = state, sent | parts
    yield ServerSentEvent(event="over", raw_data="over")


class Turned(Exception):
    """The reader has another role than when the stream began."""


async def look(alert_id: int, caller: Caller, seen: str, since: datetime) -> tuple[str, dict[str, str], bool]:
    """Wait for the next look. Return the alert's state, its parts as HTML by name, and whether they are final. Before
    the launch there are parts only when the state differs from `seen`, because a preview of the audience is too costly
    for every second.

    What others saw before `since` is older than the page: it would take a form away from whoever fills it in.
    Raises Turned."""
    alert = watched_alert(alert_id)
    seen_now, now = await alert.next_look(), datetime.now(UTC)
    if seen_now.at < since:
        return seen, {}, False
    role = seen_now.sessions.get(caller.live.id)
    if role is None:
        return seen, {}, True
    if role != caller.acting.role:
        raise Turned
    state = seen_now.shown.alert.state
    if state not in states.BEFORE_LAUNCH:
        return state.value, await alert.parts(seen_now, caller, now), alert_view.is_over(seen_now.shown.progress, now)
    if seen in {"", state.value}:
        return state.value, {}, False
    return state.value, await run_in_threadpool(_before_launch, alert_id, caller, now), False


def _before_launch(alert_id: int, caller: Caller, now: datetime) -> dict[str, str]:
    return render_parts((FOR_ONE, *FOR_ALL), alert_view.read(alert_id, caller, now, moving=True), caller, now)
