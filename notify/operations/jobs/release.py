"""Send what quiet hours and digests held back, once it is due, and settle what went out in the message of another."""

from datetime import datetime

from sqlalchemy import text

from notify.core import db
from notify.core.db import transaction
from notify.delivery import digests, held
from notify.operations import tasks


def run() -> None:
    """Release the messages that are due, by PostgreSQL's clock, which decides at the claim as well."""
    if db.exists("SELECT FROM merged WHERE look_at <= now()"):
        digests.follow(_now())
    if db.exists("SELECT FROM batches WHERE state = 'held' AND held_until <= now()"):
        tasks.ring_batches(held.release(_now()))


def _now() -> datetime:
    with transaction() as s:
        now: datetime = s.execute(text("SELECT now()")).scalar_one()
    return now
