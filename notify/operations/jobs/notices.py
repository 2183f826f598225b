"""Stop what is not true any more of notices that are out, after a new edition of the collection calendars."""

from datetime import UTC, datetime

from notify.core import db
from notify.service311.notices import stale


def run() -> None:
    """Look for such notices. Apart from the launches, which wait for nothing."""
    now = datetime.now(UTC)
    if db.exists(stale.OUT, **stale.asked(now)):
        stale.settle_out(now)
