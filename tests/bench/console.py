"""`console`: the pages of the operators in a city of a million, and what watching an alert costs the sending of it."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from statistics import median

import numpy as np
import shapely
from shapely.geometry import mapping
from sqlalchemy import text

from notify.accounts import operators
from notify.alerts.writing import working_drafts, working_start
from notify.alerts.writing.working_drafts import Change
from notify.core.db import transaction
from notify.delivery import fanout
from notify.local import ports
from notify.models import Alert, Lane
from tests.bench.door import Door, signed_in
from tests.bench.figures import STAND_IN, Figure, Goal
from tests.bench.installation import Installation, installation
from tests.bench.million import copy_alerts
from tests.bench.size import Size
from tests.factories import square
from tests.factories import zone as keep_zone
from tests.owner import owning

CITY = {Size.SMOKE: (5_000, 1_000), Size.USUAL: (1_000_000, 50_000), Size.FULL: (1_000_000, 200_000)}  # and inside
PAST = {Size.SMOKE: 20, Size.USUAL: 500, Size.FULL: 500}  # alerts
ASKED = {Size.SMOKE: 5, Size.USUAL: 40, Size.FULL: 200}  # times that each page is loaded
# Sent to with watchers and without, alternating. Some seconds each: shorter ones differ by more than the watchers cost.
WATCHED = {Size.SMOKE: 1_000, Size.USUAL: 150_000, Size.FULL: 200_000}
TURNS = {Size.SMOKE: 1, Size.USUAL: 4, Size.FULL: 8}
OPERATORS, WATCHERS = 20, 20
MOST_S = 0.15
SLOWER_MOST = 1.02


def console(size: Size) -> Iterator[Figure]:
    """Load each page, count an area and a correction while they are written, send with and without twenty watchers."""
    residents, inside = CITY[size]
    with installation() as city:
        city.sender("sms", 100_000.0)
        area = city.settle(residents, "sms", inside=inside)
        door = _Watched(city)
        pages = _fill(city, area, PAST[size])
        pages["count while drawing a correction"] = _correction(city, area)
        for path in pages.values():
            door.load(path)  # the first one fills caches, as after a restart
        for name, path in pages.items():
            yield _loaded(name, [door.load(path) for _ in range(ASKED[size])])
        city.start("scheduler", "scheduler", kind="scheduler")
        city.start_workers(Lane.EMERGENCY, 2)
        yield _watched(city, door, city.settle(WATCHED[size], "sms"), TURNS[size])


def _loaded(name: str, took_s: list[float]) -> Figure:
    p95 = float(np.quantile(took_s, 0.95))
    notes = {"median, s": round(median(took_s), 4), "slowest, s": round(max(took_s), 4)}
    return Figure(f"page {name}", len(took_s), sum(took_s), goals=(Goal("p95, s", p95, MOST_S),), notes=notes)


def _fill(city: Installation, area: shapely.Geometry, past: int) -> dict[str, str]:
    """Add operators, zones, past alerts, a draft with a drawn area and an alert to review. Return the pages by name."""
    now = datetime.now(UTC)
    with transaction() as s:
        for n in range(OPERATORS):
            operators.add(s, f"operator{n}@bench.example.org", ("author", "approver")[n % 2], now)
        for n in range(50):
            keep_zone(s, f"Zone {n}", square(-170 + n % 10 * 0.2, 40 + n // 10 * 0.2, 0.2), now=now)
    waiting = city.approved(area, "sms")
    copy_alerts(waiting, past, now, apart=False)
    with transaction() as s:
        author = operators.find(s, "author@bench.example.org")
        draft = working_start.start(s, "storm", "issue", author, now).id
        drawn = json.dumps(mapping(area))
        words = {"area": drawn, "area_name": "Bellhaven", "blank.hazard": "wind", "channel.sms": "on"}
        working_drafts.save(s, draft, {n: Change(v) for n, v in words.items()}, author, now, tab="bench")
        thread = s.execute(text("SELECT incident_id FROM alerts WHERE id = :a"), {"a": waiting}).scalar_one()
    return {
        "Now": "/console",
        "Alerts": "/console/alerts",
        "Alert": f"/console/alerts/{waiting}",
        "Compose": f"/console/compose/{draft}",
        "count while drawing": f"/console/compose/{draft}/parts",
        "Incident": f"/console/incidents/{thread}",
        "Requests": "/console/requests",
        "Roster": "/console/roster",
        "Zones": "/console/zones",
        "Senders": "/console/senders",
        "Audit": "/console/audit",
        "Operators": "/console/operators",
    }


def _correction(city: Installation, area: shapely.Geometry) -> str:
    """Send an alert to everybody by SQL, and begin its correction. Return the page that counts while it is written."""
    west, south, *_ = area.bounds
    alert = city.approved(shapely.box(west, south, west + 0.25, south + 0.25), "sms")
    now = city.begin(alert).launched_at
    for _batches in fanout.resolve(alert, now or datetime.now(UTC)):
        pass
    with owning() as s:
        for statement in (
            "UPDATE deliveries SET state = 'delivered', sent_at = :now, settled_at = :now, sender_id = 1",
            "UPDATE batches SET state = 'done'",
            "UPDATE alerts SET state = 'sent', finished_at = :now",
        ):
            of = "id" if "alerts" in statement else "alert_id"
            s.execute(text(f"{statement} WHERE {of} = :alert"), {"alert": alert, "now": now})
    with transaction() as s:
        author, incident = operators.find(s, "author@bench.example.org"), s.get_one(Alert, alert).incident_id
        draft = working_start.start(s, "storm", "update", author, datetime.now(UTC), incident=incident, correct=True)
        return f"/console/compose/{draft.id}/parts"


def _watched(city: Installation, door: "_Watched", area: object, turns: int) -> Figure:
    """The time and CPU to send an alert with twenty watchers of its live page, against those without."""
    alone, watched = [], []
    _send(city, area, door)  # warms connections and caches
    for _ in range(turns):
        alone.append(_send(city, area, None))
        watched.append(_send(city, area, door))
    ratio = median([one.took_s for one in watched]) / median([one.took_s for one in alone])
    pauses_s = np.concatenate([
        np.diff(moments) if len(moments) > 1 else [one.took_s] for one in watched for moments in one.updates
    ])  # fmt: skip
    return Figure(
        f"send with {WATCHERS} watchers", turns, sum(one.took_s for one in watched), {},
        "without", turns, sum(one.took_s for one in alone),
        goals=(
            Goal("time with watchers / without", ratio, SLOWER_MOST),
            Goal("updates that each watcher got, a second", round(float(1 / pauses_s.mean()), 2), 1.0, at_least=True),
        ),
        notes={
            "CPU of all processes, with / without": round(
                median([one.cpu_s for one in watched]) / median([one.cpu_s for one in alone]), 3
            ),
            "between two updates, s: median, 95 %, longest": np.quantile(pauses_s, [0.5, 0.95, 1]).round(2).tolist(),
            "each with, s": [round(one.took_s, 2) for one in watched],
            "each without, s": [round(one.took_s, 2) for one in alone],
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sent:
    """`cpu_s`: of all processes but the provider's stand-in; `updates`: for each watcher, their moments."""

    took_s: float
    cpu_s: float
    updates: list[list[float]]


def _send(city: Installation, area: object, door: "_Watched | None") -> _Sent:
    alert = city.approved(area, "sms")
    with city.measured() as cpu_s, door.watching(alert) if door else nullcontext([]) as updates:
        began = city.launch(alert)
        city.until_sent(alert, 120)
        took_s = time.monotonic() - began
    return _Sent(took_s, sum(s for kind, s in cpu_s.items() if kind != STAND_IN), updates)


class _Watched(Door):
    """A door with operators who watch a live page."""

    def __init__(self, city: Installation) -> None:
        super().__init__(city)
        now = datetime.now(UTC)
        with transaction() as s:
            watchers = [operators.add(s, f"watcher{n}@bench.example.org", "approver", now) for n in range(WATCHERS)]
            self._watchers = [signed_in(s, one, now) for one in watchers]

    @contextmanager
    def watching(self, alert: int) -> Iterator[list[list[float]]]:
        """Have WATCHERS, each an operator of their own, watch the live page. Yields each one's moments of updates."""
        updates: list[list[float]] = [[] for _ in range(WATCHERS)]
        lines = [HTTPConnection(ports.HOST, self.port, timeout=120) for _ in range(WATCHERS)]
        for line, headers in zip(lines, self._watchers, strict=True):
            line.request("GET", f"/console/alerts/{alert}/events", headers=headers)
        threads = [threading.Thread(target=_follow, args=one) for one in zip(lines, updates, strict=True)]
        for thread in threads:
            thread.start()
        yield updates
        for line in lines:
            line.sock.shutdown(socket.SHUT_RDWR)  # the page would watch for receipts for two minutes more
        for thread in threads:
            thread.join()


def _follow(line: HTTPConnection, updates: list[float]) -> None:
    """Note the moments of the updates until the line is cut."""
    with suppress(HTTPException, OSError):
        updates.extend(time.monotonic() for told in line.getresponse() if told.startswith(b"event: numbers"))
