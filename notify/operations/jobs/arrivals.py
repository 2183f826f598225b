"""Send the alerts in force to those who have just joined, or added a place."""

from datetime import UTC, datetime

from notify.alerts import arrivals
from notify.core import db
from notify.core.db import transaction
from notify.operations import tasks


def run() -> None:
    """Tell those who are due, and ring for their batches."""
    now = datetime.now(UTC)
    while db.exists("SELECT FROM arrivals WHERE due_at <= :now", now=now):
        with transaction() as s:
            bells = arrivals.tell(s, now)
        tasks.ring_batches(bells)
