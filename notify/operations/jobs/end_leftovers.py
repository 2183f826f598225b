"""Close what is still queued or held after its alert ended: a job of its own, because it may take long."""

from datetime import UTC, datetime

from notify.core import db
from notify.delivery import recovery


def run() -> None:
    """Close the queued and held deliveries of alerts that have ended."""
    if db.exists("SELECT FROM batches WHERE state IN ('waiting', 'held')"):
        recovery.end_leftovers(datetime.now(UTC))
