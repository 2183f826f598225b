"""Delete data that is kept for a limited time."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.orm import Session

from notify.accounts import devices, links, passkeys, sessions
from notify.alerts.writing import working_drafts
from notify.core.db import transaction
from notify.operations import heartbeat
from notify.operations.jobs.steps import each
from notify.operations.kept_data import KINDS
from notify.service311 import tickets
from notify.service311.calls import proposals
from notify.subscribers import entering


def run() -> None:
    """Delete old sessions, links, devices, heartbeats, working drafts, closed tickets, settled proposals and entries
    that nobody confirmed, and of residents' data what `KINDS` says. A failure of one does not stop the others."""
    kept = (sessions, links, devices, passkeys, entering, proposals, tickets)
    accounts = (partial(_forget, part.forget_old) for part in kept)
    residents = (partial(_forget, kind.forget) for kind in KINDS if kind.forget is not None)
    each(*accounts, *residents, _forget_heartbeats, _forget_drafts)


def _forget(old: Callable[[Session, datetime], None]) -> None:
    with transaction() as s:
        old(s, datetime.now(UTC))


def _forget_heartbeats() -> None:
    with transaction() as s:
        heartbeat.forget_old(s)


def _forget_drafts() -> None:
    with transaction() as s:
        working_drafts.forget_old(s, datetime.now(UTC))
