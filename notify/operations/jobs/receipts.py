"""Apply the receipts that providers have sent since the last run."""

from datetime import UTC, datetime

from notify.core import db
from notify.delivery import receipts


def run() -> None:
    """Apply all stored receipts."""
    if db.exists("SELECT FROM receipts WHERE applied_at IS NULL"):
        while receipts.apply(datetime.now(UTC)) == receipts.AT_ONCE:
            pass
