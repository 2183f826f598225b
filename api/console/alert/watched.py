"""What all who watch an alert see, read once for all of them, so that twenty of them slow the sending no more than one.

Each process reads the alert once a second, and all who watch it wait for the same reading. The numbers look the same
to everybody and are rendered once for each language; what an operator may do, once for each operator and only when it
changes.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.concurrency import run_in_threadpool

from api.auth import Caller
from api.console.alert import alert_view
from api.console.alert.alert_view import AlertView, Shown
from api.console.kept import Kept, remembered
from api.rendering import render
from api.rest import tallies
from notify.accounts import sessions
from notify.alerts.counts import RunningCount
from notify.alerts.reporting import reports
from notify.core.db import transaction
from notify.core.translation import language

LOOK_S = 1.0
ALL_AFTER = timedelta(seconds=5)  # what changes without an entry in the alert's history is read after this long
FOR_ALL, FOR_ONE = ("numbers", "announcement"), "standing"


@dataclass(frozen=True, slots=True)
class Look:
    """An alert at one moment. `sessions`: those that are open, with the role of each; `rendered`: by language and
    whether small numbers are shown, the parts that are the same for everybody, by name."""

    at: datetime
    shown: Shown
    sessions: Mapping[int, str]
    rendered: dict[tuple[str, bool], dict[str, str]] = field(default_factory=dict)
    rendering: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class _Whole:
    """All that is shown of an alert, when it was read, and the last entry of the alert's history then."""

    at: datetime
    last_step: int | None
    shown: Shown


class WatchedAlert:
    """One alert, as it was when somebody last looked."""

    def __init__(self, alert_id: int) -> None:
        self._id = alert_id
        self._running = RunningCount()
        self._whole: _Whole | None = None
        self._kept = Kept(self._read, 0.9 * LOOK_S, rests=0)  # a running count is quick, or rests by itself
        self._next: asyncio.Task[Look] | None = None
        self._next_s = 0.0  # when the next look is due, by time.monotonic()
        self._standing: dict[int, tuple[object, str]] = {}  # operator -> what was rendered, and how it looked

    async def next_look(self) -> Look:
        """Wait for the next look, together with all others who do. However long it takes, the one after it begins on
        time."""
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._on_time())
        return await asyncio.shield(self._next)  # a reader who leaves takes it from nobody

    async def _on_time(self) -> Look:
        begins_s = max(self._next_s, time.monotonic())
        await asyncio.sleep(begins_s - time.monotonic())
        self._next_s = begins_s + LOOK_S
        return await run_in_threadpool(self.look)

    def look(self) -> Look:
        """Return the last look, or a new one when it is old."""
        return self._kept.get()

    def _read(self) -> Look:
        now = datetime.now(UTC)
        with transaction() as s:
            last, whole = reports.last_step(s, self._id), self._whole
            if whole is None or whole.last_step != last or now - whole.at >= ALL_AFTER:
                shown = alert_view.shown(s, self._id, now, self._running)
                self._whole = _Whole(now, last, shown)
            else:
                shown = alert_view.counted_again(s, whole.shown, self._running)
            return Look(now, shown, sessions.open_ids(s, now))

    async def parts(self, look: Look, caller: Caller, now: datetime) -> dict[str, str]:
        """Return the parts of the page as HTML, for an alert that was launched."""
        view = alert_view.seen_by(look.shown, caller, now)
        spoken = language(), caller.may(*tallies.EXACT)
        async with look.rendering:  # the others wait without a thread
            if spoken not in look.rendered:
                look.rendered[spoken] = await run_in_threadpool(render_parts, FOR_ALL, view, caller, now)
        return look.rendered[spoken] | {FOR_ONE: await self._for_one(view, caller, now)}

    async def _for_one(self, view: AlertView, caller: Caller, now: datetime) -> str:
        broken = view.asked.broken
        facts = (
            language(), view.alert.state, view.steps, view.follow, view.buttons, view.silent,
            broken and broken.row.reviewed_at,
        )  # fmt: skip
        reader = caller.operator.id if caller.operator else 0
        before = self._standing.get(reader)
        if before is None or before[0] != facts:
            html = (await run_in_threadpool(render_parts, (FOR_ONE,), view, caller, now))[FOR_ONE]
            self._standing[reader] = before = (facts, html)
        return before[1]


def render_parts(names: Iterable[str], view: AlertView, caller: Caller, now: datetime) -> dict[str, str]:
    given = tallies.shown_to(caller)
    return {
        name: render(f"console/{name}.html", d=view, p=view.progress, caller=caller, now=now, **given) for name in names
    }


@remembered
def watched_alert(alert_id: int) -> WatchedAlert:
    return WatchedAlert(alert_id)
