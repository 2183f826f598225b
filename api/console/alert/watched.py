"""What all who watch an alert see, read once for all of them, so that twenty of them slow the sending no more than one.

Each process reads the alert at most once a second, whoever asks first. The numbers look the same to everybody and are
rendered once for each language; what an operator may do, once for each operator and only when it changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.auth import Caller
from api.console.alert import alert_view
from api.console.alert.alert_view import AlertView, Shown
from api.console.kept import Kept, remembered
from api.rendering import render
from api.rest import tallies
from notify.accounts import sessions
from notify.alerts.counts import RunningCount
from notify.core.db import transaction
from notify.core.translation import language

LOOK_S = 1.0
FOR_ALL, FOR_ONE = ("numbers", "announcement"), "standing"


@dataclass(frozen=True, slots=True)
class Look:
    """An alert at one moment. `sessions`: those that are open, with the role of each; `rendered`: by language and
    whether small numbers are shown, the parts that are the same for everybody, by name."""

    at: datetime
    shown: Shown
    sessions: Mapping[int, str]
    rendered: dict[tuple[str, bool], dict[str, str]] = field(default_factory=dict)


class WatchedAlert:
    """One alert, as it was when somebody last looked."""

    def __init__(self, alert_id: int) -> None:
        self._id = alert_id
        self._running = RunningCount()
        self._kept = Kept(self._read, LOOK_S)
        self._standing: dict[int, tuple[object, str]] = {}  # operator -> what was rendered, and how it looked

    def look(self) -> Look:
        """Return the last look, or a new one when it is old."""
        return self._kept.get()

    def _read(self) -> Look:
        now = datetime.now(UTC)
        with transaction() as s:
            return Look(now, alert_view.shown(s, self._id, now, self._running), sessions.open_ids(s, now))

    def parts(self, look: Look, caller: Caller, now: datetime) -> dict[str, str]:
        """Return the parts of the page as HTML, for an alert that was launched."""
        view = alert_view.seen_by(look.shown, caller, now)
        spoken = look.rendered.setdefault((language(), caller.may(*tallies.EXACT)), {})
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
    return render(f"console/{name}.html", d=view, p=view.progress, caller=caller, now=now, **tallies.shown_to(caller))


@remembered
def watched_alert(alert_id: int) -> WatchedAlert:
    return WatchedAlert(alert_id)
