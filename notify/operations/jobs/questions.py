"""Send residents what they are asked, by day."""

from notify.core import db
from notify.core.settings import settings
from notify.delivery import direct_messages
from notify.operations import tasks


def run() -> None:
    """Send what waits. Who joins has a job of their own (`joining`), and never waits for these."""
    if db.exists(_WAITING):
        direct_messages.send(settings(), tasks.throttle(), tasks.transport, direct_messages.ASKED)


_WAITING = "SELECT FROM direct_messages WHERE state IN ('waiting', 'claimed') AND contact_id IS NOT NULL"
