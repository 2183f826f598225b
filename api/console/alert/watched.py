"""What all who watch an alert see, read once for all of them, so that twenty of them slow the sending no more than one.

Each process reads the alert once a second, and all who watch it wait for the same reading. The numbers look the same
to everybody and are rendered once for each language; what an operator may do, once for each operator and only when it
changes.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.auth import Caller
from api.console.alert import alert_view
from api.console.alert.alert_view import AlertView, Shown
from api.console.kept import Kept, remembered
from api.rendering import render
from api.rest import tallies
from notify.accounts import sessions
from notify.alerts.counts import RunningCount
from notify.alerts.reporting import history, reports, zone_reach
from notify.alerts.reporting.zone_reach import ZoneReach, ZoneResidents
from notify.core.db import one_moment, transaction
from notify.core.translation import language

LOOK_S = 1.0
ALL_AFTER = timedelta(seconds=5)  # what changes without an entry in the alert's history is read after this long
FOR_ALL, FOR_ONE, ZONES = ("gist", "numbers", "announcement"), "standing", "zones"


@dataclass(frozen=True, slots=True)
class Look:
    """An alert at one moment. `sessions`: those that are open, with the role of each; `zones`: its results by zone, if
    they are read with its numbers; `rendered`: by language and whether small numbers are shown, the parts that are the
    same for everybody, by name; `tables`: the zones, by language."""

    at: datetime
    shown: Shown
    sessions: Mapping[int, str]
    zones: Sequence[ZoneReach] | None
    rendered: dict[tuple[str, bool], dict[str, str]] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    rendering: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def moving(self) -> bool:
        return not alert_view.is_over(self.shown.progress, self.at)


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
        self._residents: Sequence[ZoneResidents] | None = None  # who lives where is read once: it is sent in minutes
        self._reach: tuple[Mapping[str, int], Sequence[ZoneReach]] | None = None  # for which deliveries by state
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
        """Read all of it as of one moment, so that no number contradicts another."""
        now = datetime.now(UTC)
        residents = self._of_zones(now)
        with one_moment() as s:
            last, whole = history.last_step(s, self._id), self._whole
            if whole is None or whole.last_step != last or now - whole.at >= ALL_AFTER:
                shown = alert_view.shown(s, self._id, now, self._running)
                self._whole = _Whole(now, last, shown)
            else:
                shown = alert_view.counted_again(s, whole.shown, self._running)
            zones = None if residents is None else self._reached(s, shown, residents)
            return Look(now, shown, sessions.open_ids(s, now), zones)

    def _of_zones(self, now: datetime) -> Sequence[ZoneResidents] | None:
        """Who lives where, once the audience is known. None of very many: to count them each second would take too
        long, and their other numbers are not exact each second, either."""
        if self._residents is None:
            with transaction() as s:
                alert = reports.find_alert(s, self._id)
                if alert.fanout_done_at is not None and alert.audience_total <= RunningCount.AT_ONCE:
                    self._residents = zone_reach.residents(s, alert, now)
        return self._residents

    def _reached(self, s: Session, shown: Shown, residents: Sequence[ZoneResidents]) -> Sequence[ZoneReach]:
        deliveries = shown.progress.deliveries
        if self._reach is None or self._reach[0] != deliveries:
            self._reach = deliveries, zone_reach.reach(s, shown.alert, residents)
        return self._reach[1]

    async def parts(self, look: Look, caller: Caller, now: datetime) -> dict[str, str]:
        """Return the parts of the page as HTML, for an alert that was launched."""
        view = alert_view.seen_by(look.shown, caller, now)
        spoken = language(), caller.may(*tallies.EXACT)
        async with look.rendering:  # the others wait without a thread
            if spoken not in look.rendered:
                look.rendered[spoken] = await run_in_threadpool(render_parts, FOR_ALL, view, caller, now)
            if look.zones is not None and language() not in look.tables and caller.may("count"):
                table = await run_in_threadpool(zones_table, self._id, look.zones, moving=look.moving)
                look.tables[language()] = table
        zones = {ZONES: look.tables[language()]} if look.zones is not None and caller.may("count") else {}
        return look.rendered[spoken] | zones | {FOR_ONE: await self._for_one(view, caller, now)}

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


def zones_table(
    alert_id: int, zones: Sequence[ZoneReach], *, moving: bool, every_s: int = 0, at: datetime | None = None
) -> str:
    """The results by zone. `every_s`: it asks for itself again, because the stream does not have it; `at`: when it was
    counted, if its numbers are older than the others."""
    return render("console/zones_reached.html", alert=alert_id, zones=zones, moving=moving, every_s=every_s, at=at)


@remembered
def watched_alert(alert_id: int) -> WatchedAlert:
    return WatchedAlert(alert_id)
