"""Launch alerts on time, expire them, and end those that an all-clear has overtaken."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import text

from notify.alerts import lifecycle, outdated, standing
from notify.core import db
from notify.core.db import transaction
from notify.operations import tasks
from notify.operations.jobs.steps import each
from notify.service311.notices import stale


def run() -> None:
    """Expire the alerts whose time is over, launch those that are due, and stop those that are overtaken."""
    now = datetime.now(UTC)
    steps: list[Callable[[], object]] = []
    if db.exists(stale.WAITING):
        steps.append(partial(stale.settle_waiting, now))
    if db.exists(_DUE, now=now):
        steps += (partial(_expire, now), partial(_launch, now))
    each(*steps, *(partial(_stop, incident, status, now) for incident, status in _ended()))


_DUE = """
    SELECT FROM alerts
     WHERE state NOT IN ('sent', 'cancelled', 'expired') AND expires_at <= :now
        OR state = 'scheduled' AND launch_at <= :now
"""


def _expire(now: datetime) -> None:
    with transaction() as s:
        lifecycle.expire_due(s, now)


def _launch(now: datetime) -> None:
    with transaction() as s:
        due = lifecycle.launch_due(s, now)
    for alert in due:
        tasks.ring_alert(alert)


def _ended() -> Sequence[tuple[int, str]]:
    """The incidents in which danger that is over is still being sent, each with the status of the alerts."""
    if not db.exists(outdated.ENDED):
        return []
    with transaction() as s:
        return sorted({(row.incident_id, row.status) for row in s.execute(text(outdated.ENDED))})


def _stop(incident: int, status: str, now: datetime) -> None:
    with transaction() as s:
        standing.lock(s, incident)
        outdated.stop(s, incident, status, now)
