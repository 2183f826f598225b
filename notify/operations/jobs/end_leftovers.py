"""Deliveries that are still queued although their alert has ended. A job of its own, because it may take long."""

from datetime import UTC, datetime

from notify.core import db
from notify.delivery import recovery


def run() -> None:
    """Close them."""
    if db.exists("SELECT FROM batches WHERE state = 'waiting'"):
        recovery.end_leftovers(datetime.now(UTC))
