"""Send the reminders that were written."""

from datetime import UTC, datetime

from notify.core import db
from notify.core.settings import settings
from notify.delivery import direct_messages
from notify.operations import tasks
from notify.service311.reminders import late


def run() -> None:
    """Send what waits and is not too late. A million reminders delay no question, and nobody who joins."""
    if db.exists(_WAITING):
        with db.transaction() as s:
            late.close(s, datetime.now(UTC))
        direct_messages.send(settings(), tasks.throttle(), tasks.transport, direct_messages.REMINDED)


_WAITING = "SELECT FROM direct_messages WHERE state IN ('waiting', 'claimed') AND kind = 'reminder'"
