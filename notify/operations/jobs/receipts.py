"""What providers have told about messages since the last run."""

from datetime import UTC, datetime

from notify.core import db
from notify.delivery import receipts


def run() -> None:
    """Apply all receipts that are there."""
    if db.exists("SELECT FROM receipts WHERE applied_at IS NULL"):
        while receipts.apply(datetime.now(UTC)) == receipts.AT_ONCE:
            pass
