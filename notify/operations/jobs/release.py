"""Send what quiet hours held back, once they are over."""

from sqlalchemy import text

from notify.core import db
from notify.core.db import transaction
from notify.delivery import held
from notify.operations import tasks


def run() -> None:
    """Release the messages that are due, by PostgreSQL's clock, which decides at the claim as well."""
    if db.exists("SELECT FROM batches WHERE state = 'held' AND held_until <= now()"):
        with transaction() as s:
            now = s.execute(text("SELECT now()")).scalar_one()
        tasks.ring_batches(held.release(now))
