"""Send the reminders that were written."""

from notify.core import db
from notify.core.settings import settings
from notify.delivery import direct_messages
from notify.operations import tasks


def run() -> None:
    """Send what waits. A million reminders delay no question, and nobody who joins."""
    if db.exists(_WAITING):
        direct_messages.send(settings(), tasks.throttle(), tasks.transport, direct_messages.REMINDED)


_WAITING = "SELECT FROM direct_messages WHERE state IN ('waiting', 'claimed') AND kind = 'reminder'"
