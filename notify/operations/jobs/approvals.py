"""Ask the next people to approve what waits, and send what is written to operators."""

from datetime import UTC, datetime

from notify.alerts.approving import approval_asks
from notify.core import db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import direct_messages, direct_outcomes
from notify.operations import tasks
from notify.operations.jobs.steps import each


def run() -> None:
    """Ask the next people, send, and look up unknown outcomes. A failure of one does not stop the others."""
    if db.exists(_OPEN):
        each(_ask_again, _send, _look_up)


_OPEN = """
    SELECT FROM direct_messages WHERE state IN ('waiting', 'claimed') AND operator_id IS NOT NULL
    UNION ALL SELECT FROM direct_messages WHERE state = 'unknown' AND reason <> 'outcome-unknown'
    UNION ALL SELECT FROM alerts a
               WHERE state = 'draft' AND EXISTS (SELECT FROM direct_messages WHERE alert_id = a.id AND kind = 'ask')
    UNION ALL SELECT FROM alarms WHERE kind = 'not-approved' AND resolved_at IS NULL
"""


def _ask_again() -> None:
    with transaction() as s:
        approval_asks.ask_again(s, datetime.now(UTC), settings())


def _send() -> None:
    direct_messages.send(settings(), tasks.throttle(), tasks.transport)


def _look_up() -> None:
    direct_outcomes.look_up(settings(), tasks.transport)
