"""The console's first page: what is in force, what waits for whom, what is being sent, and whether all of it works."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.auth import Caller, Viewer
from api.console import draft_sizes
from api.console.kept import Kept, remembered
from api.console.outside_warnings import Others
from api.console.places import city_outline
from api.console.places.city_outline import Drawing
from api.console.writing.compose_labels import names_of
from api.rendering import page, render
from api.rest import tallies
from notify.alerts import claims, situation
from notify.alerts.claims import Claim
from notify.alerts.situation import Begun, Situation
from notify.alerts.writing import precaution
from notify.content.compose import catalogue
from notify.core.db import transaction
from notify.delivery import sender_status
from notify.delivery.sender_status import ChannelStatus
from notify.operations import tasks
from notify.service311.calls import proposals
from notify.service311.calls.proposals import Proposal
from notify.service311.outages import proposals as outage_proposals
from notify.service311.outages.words import EVENT as OUTAGE
from notify.service311.snow import emergencies
from notify.service311.snow.emergencies import InForce

router = APIRouter(prefix="/console", include_in_schema=False)

LOOK_S = 1.0
STREAM_S = 60.0  # then the browser connects again, and its sign-in is checked again
PARTS = (
    "standing", "waiting", "calls", "gaps", "force", "replaced", "outside", "sending", "planned", "drafts", "map",
    "zones", "senders",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """What all readers of the page see at one moment. `begun`: only before the first alert is written.

    `claims`: by incident and zone, of the incidents with zones that have no message.
    """

    situation: Situation
    claims: dict[tuple[int, int], Claim]
    channels: tuple[ChannelStatus, ...]
    drawing: Drawing | None
    begun: Begun | None
    authors: dict[int, str]  # emails of operators by id
    outside: Others
    calls: Sequence[Proposal]  # what more people call about than usual
    snow_over: InForce | None  # a snow emergency that has ended without an all-clear
    outages_due: Sequence[outage_proposals.Proposal]  # what staff should tell next of outages


def look(now: datetime) -> Seen:
    with transaction() as s:
        found = situation.read(s, now)
        others = Others.read(s, now)
        empty = not found.items and not others.warnings and not situation.anything_written(s)
        return Seen(
            found,
            claims.of_each(s, {gap.incident for gap in found.coverage.gaps}),
            sender_status.read(s, tasks.redis_client(), now),
            city_outline.draw(s, found, others.warnings),
            situation.begun(s) if empty else None,
            names_of(s),
            others,
            proposals.waiting(s),
            emergencies.to_clear(s, now),
            outage_proposals.waiting(s, now),
        )


@remembered
def shared() -> Kept[Seen]:
    """The newest look of this process, however many browsers watch."""
    return Kept(lambda: look(datetime.now(UTC)), LOOK_S * 0.9)


@router.get("")
def show(request: Request, caller: Viewer) -> Response:
    now = datetime.now(UTC)
    seen = look(now)
    parts = {} if seen.begun else _parts(seen, caller, now)
    has = "-".join(_digest(html) for html in parts.values())
    return page(
        request,
        "console/now.html",
        caller=caller,
        begun=seen.begun,
        parts=parts,
        has=has,
        may_draft=caller.may("draft"),
    )


@router.get("/events", response_class=EventSourceResponse)
async def events(
    caller: Viewer, seen: str = "", last_event_id: Annotated[str, Header()] = ""
) -> AsyncIterator[ServerSentEvent]:
    """Stream the parts of the page that differ from those that the browser has: `seen`, or what it last received."""
    has = dict(zip(PARTS, (last_event_id or seen).split("-"), strict=False))
    last: tuple[Seen, str, dict[int, int]] | None = None
    until_s = time.monotonic() + STREAM_S
    while time.monotonic() < until_s:
        now = datetime.now(UTC)
        newest = await run_in_threadpool(shared().get)
        latest = newest, f"{now:%H%M}", draft_sizes.sizes(newest.situation.for_approval(caller.operator))
        if latest != last:
            last = latest
            for name, html in (await run_in_threadpool(_parts, newest, caller, now)).items():
                if has.get(name) != _digest(html):
                    has[name] = _digest(html)
                    yield ServerSentEvent(event=name, raw_data=html, id="-".join(has.get(one, "") for one in PARTS))
        await asyncio.sleep(LOOK_S)


def _parts(seen: Seen, caller: Caller, now: datetime) -> dict[str, str]:
    given = _given(seen, caller, now)
    return {name: render(f"console/now/{name}.html", **given) for name in PARTS}


def _digest(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:10]


def _given(seen: Seen, caller: Caller, now: datetime) -> dict[str, Any]:
    """What the templates read. Callers who may not write alerts see no small numbers of messages."""
    by = caller.operator
    mine, to_launch = seen.situation.for_approval(by), seen.situation.to_launch(by)
    return {
        "caller": caller,
        "now": now,
        "n": seen.situation,
        "claims": seen.claims,
        "channels": seen.channels,
        "drawing": seen.drawing,
        "mine": mine,
        "to_launch": to_launch,
        "planned": [one for one in seen.situation.planned if one not in to_launch],
        "sizes": draft_sizes.sizes(mine),
        "authors": seen.authors,
        "outside": seen.outside,
        "others": [one for one in seen.situation.drafts if one not in mine],
        **tallies.shown_to(caller),
        "may_draft": caller.may("draft"),
        "calls": seen.calls,
        "snow_over": seen.snow_over,
        "outages_due": seen.outages_due,
        "utilities_called": catalogue().event(OUTAGE).called["utility"],
        "advice": precaution.advice(),
        "is_near": precaution.is_near,
    }
