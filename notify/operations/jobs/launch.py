"""Launch alerts on time, expire them, and end those that an all-clear has overtaken."""

from datetime import UTC, datetime

from notify.alerts import lifecycle, outdated
from notify.core import db
from notify.core.db import transaction
from notify.operations import tasks
from notify.operations.jobs.steps import each


def run() -> None:
    """Expire the alerts whose time is over, launch those that are due, and stop those that are overtaken."""
    now = datetime.now(UTC)
    if db.exists(_DUE, now=now):
        each(lambda: _expire(now), lambda: _launch(now))
    if db.exists(outdated.ENDED):
        _stop(now)


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


def _stop(now: datetime) -> None:
    with transaction() as s:
        outdated.stop(s, now)
