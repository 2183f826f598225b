"""An alert's live numbers: parts of its page, sent when they change."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.auth import Caller, Viewer, is_still_here
from api.console import alert_view
from api.ids import Id
from api.rendering import render
from notify.alerts import reports
from notify.core import states
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)

LOOK_S = 1.0
RESTS = 9  # waits this many times as long as a query took, so that counting does not slow down sending
PARTS = ("standing", "numbers", "announcement")


def watched(alert_id: Id, caller: Viewer) -> Caller:
    """Check that the alert exists, because a stream cannot change its status once it has begun. Return the caller."""
    with transaction() as s:
        reports.find_alert(s, alert_id)
    return caller


@router.get("/alerts/{alert_id}/events", response_class=EventSourceResponse)
async def events(alert_id: Id, caller: Annotated[Caller, Depends(watched)]) -> AsyncIterator[ServerSentEvent]:
    """Stream the parts until the alert or the session ends, or the client leaves.

    No database connection is held between queries."""
    sent: dict[str, str] = {}
    seen, over = "", False
    while not over:
        asked_s = time.monotonic()
        state, parts, over = await run_in_threadpool(look, alert_id, caller, seen, datetime.now(UTC))
        for name, html in parts.items():
            if sent.get(name) != html:
                yield ServerSentEvent(event=name, raw_data=html)
        seen, sent = state, sent | parts
        if not over:
            await asyncio.sleep(max(LOOK_S, RESTS * (time.monotonic() - asked_s)))
    yield ServerSentEvent(event="over", raw_data="over")


def look(alert_id: int, caller: Caller, seen: str, now: datetime) -> tuple[str, dict[str, str], bool]:
    """Return the alert's state, its parts as HTML by name, and whether they are final. Before the launch there are
    parts only when the state differs from `seen`, because a preview of the audience is too costly for every second."""
    with transaction() as s:
        if not is_still_here(s, caller):
            return seen, {}, True
        state = reports.find_alert(s, alert_id).state
        if state in states.BEFORE_LAUNCH and seen in {"", state.value}:
            return state.value, {}, False
        read = alert_view.read(s, alert_id, caller, now, moving=True)
    parts = {name: render(f"console/{name}.html", d=read, p=read.progress, caller=caller, now=now) for name in PARTS}
    return state.value, parts, alert_view.is_over(read.progress, now)
