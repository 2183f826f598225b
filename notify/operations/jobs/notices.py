"""Stop what is not true any more of notices that are out, after a new edition of the collection calendars."""

from datetime import UTC, datetime

from notify.core import db
from notify.core.db import transaction
from notify.operations.jobs.steps import each
from notify.service311.notices import stale


def run() -> None:
    """Look for such notices. Apart from the launches, which wait for nothing."""
    now = datetime.now(UTC)
    each(lambda: _settle(now), lambda: _end_alarms(now))


def _settle(now: datetime) -> None:
    if db.exists(stale.OUT, **stale.asked(now)):
        stale.settle_out(now)


def _end_alarms(now: datetime) -> None:
    if db.exists(stale.TOLD_SINCE):
        with transaction() as s:
            stale.end_alarms(s, now)
