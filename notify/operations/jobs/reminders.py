"""Remind residents the evening before a collection, at the hour of their choice."""

from datetime import UTC, datetime

from notify.core import db
from notify.core.process import once
from notify.service311.reminders import evening
from notify.service311.reminders.aside import Aside

_aside = once(Aside)


def run() -> None:
    """Write the reminders that are due. They are sent by `reminded`."""
    if db.exists("SELECT FROM reminder_wishes"):
        evening.remind(lambda: datetime.now(UTC), _aside())
