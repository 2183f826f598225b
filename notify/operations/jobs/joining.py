"""Write to residents who join or are asked something: codes, first words, questions."""

from notify.core import db
from notify.core.settings import settings
from notify.delivery import direct_messages
from notify.operations import tasks


def run() -> None:
    """Send what waits. Operators have a job of their own (`approvals`): a flood of joiners never delays them."""
    if db.exists(_WAITING):
        direct_messages.send(settings(), tasks.throttle(), tasks.transport, direct_messages.RESIDENTS)


_WAITING = "SELECT FROM direct_messages WHERE state IN ('waiting', 'claimed') AND operator_id IS NULL"
