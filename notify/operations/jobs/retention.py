"""Delete data that is kept for a limited time."""

from datetime import UTC, datetime

from notify.accounts import sessions
from notify.alerts import working_drafts
from notify.core.db import transaction
from notify.operations import heartbeat
from notify.operations.jobs.steps import each


def run() -> None:
    """Delete old sessions, heartbeats and working drafts. A failure of one does not stop the others."""
    each(_forget_sessions, _forget_heartbeats, _forget_drafts)


def _forget_sessions() -> None:
    with transaction() as s:
        sessions.forget_old(s, datetime.now(UTC))


def _forget_heartbeats() -> None:
    with transaction() as s:
        heartbeat.forget_old(s)


def _forget_drafts() -> None:
    with transaction() as s:
        working_drafts.forget_old(s, datetime.now(UTC))
