"""An alert's numbers while it goes out: parts of its page, sent when they have changed."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.auth import Caller, Viewer
from api.console import alert_view
from api.ids import Id
from api.rendering import render
from notify.alerts import reports
from notify.core import states
from notify.core.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)

LOOK_S = 1.0
RESTS = 9  # as long as a look took, so often: to count a million must not hold up what is counted
PARTS = ("standing", "numbers", "announcement")


def watched(alert_id: Id, caller: Viewer) -> Caller:
    """The caller, once it is sure that there is such an alert: after its first byte a stream has no status."""
    with transaction() as s:
        reports.find_alert(s, alert_id)
    return caller


@router.get("/alerts/{alert_id}/events", response_class=EventSourceResponse)
async def events(alert_id: Id, caller: Annotated[Caller, Depends(watched)]) -> AsyncIterator[ServerSentEvent]:
    """Between two looks no connection is held. It ends with the alert; a client that leaves cancels it."""
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
    """The alert's state, its parts as HTML by the names that the page swaps them by, and whether nothing more is to
    be expected. Before the launch there are parts only when the state is another than was seen: a preview of the
    audience is no question for every second."""
    with transaction() as s:
        state = reports.find_alert(s, alert_id).state
        if state in states.BEFORE_LAUNCH and seen in {"", state.value}:
            return state.value, {}, False
        read = alert_view.read(s, alert_id, caller, now, moving=True)
    parts = {name: render(f"console/{name}.html", d=read, p=read.progress, caller=caller, now=now) for name in PARTS}
    return state.value, parts, alert_view.is_over(read.progress, now)
