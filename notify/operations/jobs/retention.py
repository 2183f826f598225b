"""What is kept for a while only."""

from datetime import UTC, datetime

from notify.accounts import sessions
from notify.core.db import transaction
from notify.operations import heartbeat


def run() -> None:
    """Delete what nobody needs any more."""
    with transaction() as s:
        sessions.forget_old(s, datetime.now(UTC))
        heartbeat.forget_old(s)
