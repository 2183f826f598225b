"""Close deliveries that are still queued after their alert ended: a job of its own, because it may take long."""

from datetime import UTC, datetime

from notify.core import db
from notify.delivery import recovery


def run() -> None:
    """Close the queued deliveries of alerts that have ended."""
    if db.exists("SELECT FROM batches WHERE state = 'waiting'"):
        recovery.end_leftovers(datetime.now(UTC))
