"""A transaction in which looks of an agent are counted; at the limit an alarm rings."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.orm import Session

from notify.accounts.tries import TooManyTries
from notify.core.db import transaction
from notify.models import Operator
from notify.service311.desk import limits


@contextmanager
def counted(by: Operator, now: datetime) -> Iterator[Session]:
    """Yield a session. What is refused is rolled back, so the alarm has a transaction of its own."""
    try:
        with transaction() as s:
            yield s
    except TooManyTries:
        with transaction() as s:
            limits.alarm(s, by, now)
        raise
