"""Stopping a sender that cannot work."""

from datetime import datetime

import structlog
from sqlalchemy import text

from notify import lifecycle
from notify.db import transaction

log = structlog.get_logger()


def stop(sender_id: int, why: str, now: datetime) -> None:
    """Close a sender, with the reason that people will read. Its batches go to the other senders, or wait."""
    with transaction() as s:
        stopped = s.execute(
            text("UPDATE senders SET status = 'stopped', note = :why WHERE id = :id AND status = 'open' RETURNING id"),
            {"id": sender_id, "why": why},
        ).first()
        if stopped is None:
            return  # another worker was quicker
        lifecycle.note(s, now=now, by=None, action="stop", subject="sender", subject_id=sender_id, why=why)
    log.error("sender.stop", sender=sender_id, why=why)
