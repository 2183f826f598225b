"""Launch alerts on time, and expire them."""

from datetime import UTC, datetime

from notify.alerts import lifecycle
from notify.core import db
from notify.core.db import transaction
from notify.operations import tasks
from notify.operations.jobs.steps import each


def run() -> None:
    """Expire the alerts whose time is over, and launch the scheduled ones that are due."""
    now = datetime.now(UTC)
    if db.exists(_DUE, now=now):
        each(lambda: _expire(now), lambda: _launch(now))


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
