"""What all who watch an alert see, read once for all of them, so that twenty of them slow the sending no more than one.

Each process reads the alert at most once a second, whoever asks first. The numbers look the same to everybody and are
rendered once for each language; what an operator may do, once for each operator and only when it changes.
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from api.auth import Caller
from api.console import alert_view
from api.console.alert_view import AlertView, Shown
from api.rendering import render
from notify.accounts import sessions
from notify.alerts.counts import RunningCount
from notify.core.db import transaction
from notify.core.translation import language

LOOK_S = 1.0
RESTS = 9  # a look that took long is not repeated before this many times as long have passed
MOST = 64  # alerts remembered by a process
FOR_ALL, FOR_ONE = ("numbers", "announcement"), "standing"


@dataclass(frozen=True, slots=True)
class Look:
    """An alert at one moment. `sessions`: the ids of those that are open; `rendered`: by language and name, the
    parts that are the same for everybody."""

    shown: Shown
    sessions: frozenset[int]
    rendered: dict[str, dict[str, str]] = field(default_factory=dict)


class WatchedAlert:
    """One alert, as it was when somebody last looked."""

    def __init__(self, alert_id: int) -> None:
        self._id = alert_id
        self._lock = threading.Lock()
        self._running = RunningCount()
        self._last: Look | None = None
        self._due_s = 0.0  # when the last look is too old, by time.monotonic()
        self._standing: dict[int, tuple[object, str]] = {}  # operator -> what was rendered, and how it looked

    def look(self, now: datetime) -> Look:
        """Return the last look, or a new one when it is old. While one thread looks, the others do not wait for it."""
        last = self._last
        if last is not None and (time.monotonic() < self._due_s or self._lock.locked()):
            return last
        with self._lock:
            if self._last is None or time.monotonic() >= self._due_s:
                self._last = self._read(now)
            return self._last

    def _read(self, now: datetime) -> Look:
        began_s = time.monotonic()
        with transaction() as s:
            shown = alert_view.shown(s, self._id, now, self._running)
            found = Look(shown, sessions.open_ids(s, now))
        took_s = time.monotonic() - began_s
        self._due_s = began_s + max(LOOK_S, RESTS * took_s)
        return found

    def parts(self, look: Look, caller: Caller, now: datetime) -> dict[str, str]:
        """Return the parts of the page as HTML, for an alert that was launched."""
        view = alert_view.seen_by(look.shown, caller, now)
        spoken = look.rendered.setdefault(language(), {})
        for name in FOR_ALL:
            if name not in spoken:
                spoken[name] = rendered(name, view, caller, now)
        return spoken | {FOR_ONE: self._for_one(view, caller, now)}

    def _for_one(self, view: AlertView, caller: Caller, now: datetime) -> str:
        broken = view.asked.broken
        facts = (
            language(), view.alert.state, view.steps, view.follow, view.buttons, view.silent,
            broken and broken.row.reviewed_at,
        )  # fmt: skip
        reader = caller.operator.id if caller.operator else 0
        before = self._standing.get(reader)
        if before is None or before[0] != facts:
            self._standing[reader] = before = (facts, rendered(FOR_ONE, view, caller, now))
        return before[1]


def rendered(name: str, view: AlertView, caller: Caller, now: datetime) -> str:
    return render(f"console/{name}.html", d=view, p=view.progress, caller=caller, now=now)


@lru_cache(maxsize=MOST)
def watched_alert(alert_id: int) -> WatchedAlert:
    return WatchedAlert(alert_id)
