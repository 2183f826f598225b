"""Delete data that is kept for a limited time."""

from datetime import UTC, datetime

from notify.accounts import sessions
from notify.core.db import transaction
from notify.operations import heartbeat
from notify.operations.jobs.steps import each


def run() -> None:
    """Delete old sessions and heartbeats. A failure of one does not stop the other."""
    each(_forget_sessions, _forget_heartbeats)


def _forget_sessions() -> None:
    with transaction() as s:
        sessions.forget_old(s, datetime.now(UTC))


def _forget_heartbeats() -> None:
    with transaction() as s:
        heartbeat.forget_old(s)
