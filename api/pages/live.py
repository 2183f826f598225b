"""An alert's numbers while it goes out: parts of its page, sent when they have changed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.auth import Caller, Viewer
from api.pages import dossier
from api.pages.rendering import render
from api.routes.ids import Id
from notify import lifecycle, reports
from notify.db import transaction

router = APIRouter(prefix="/console", include_in_schema=False)

LOOK_S = 1.0
RECEIPTS_FOR = timedelta(minutes=2)  # after the last message, so long are its receipts watched


def watched(alert_id: Id, caller: Viewer) -> Caller:
    """The caller, once it is sure that there is such an alert: after its first byte a stream has no status."""
    with transaction() as s:
        reports.find_alert(s, alert_id)
    return caller


@router.get("/alerts/{alert_id}/events", response_class=EventSourceResponse)
async def events(alert_id: Id, caller: Annotated[Caller, Depends(watched)]) -> AsyncIterator[ServerSentEvent]:
    """Between two looks no connection is held. It ends with the alert; a client that leaves cancels it."""
    sent: dict[str, str] = {}
    over = False
    while not over:
        parts, over = await run_in_threadpool(look, alert_id, caller, datetime.now(UTC))
        for name, html in parts.items():
            if sent.get(name) != html:
                yield ServerSentEvent(event=name, raw_data=html)
        sent = parts
        if not over:
            await asyncio.sleep(LOOK_S)
    yield ServerSentEvent(event="over", raw_data="over")


def look(alert_id: int, caller: Caller, now: datetime) -> tuple[dict[str, str], bool]:
    """The parts as HTML, by the names that the page swaps them by; and whether nothing more is to be expected."""
    with transaction() as s:
        read = dossier.read(s, alert_id, caller, now)
    names = ("standing", "numbers", "announcement")
    parts = {name: render(f"console/{name}.html", d=read, p=read.progress, caller=caller, now=now) for name in names}
    return parts, is_over(read.progress, now)


def is_over(p: reports.Progress, now: datetime) -> bool:
    if p.state not in lifecycle.FINISHED:
        return False
    return not p.deliveries["accepted"] or p.finished_at is None or now - p.finished_at > RECEIPTS_FOR
