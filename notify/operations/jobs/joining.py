"""Write to residents who join: their codes, and first words."""

from datetime import UTC, datetime

from notify.accounts import tries
from notify.core import alarms, db
from notify.core.settings import settings
from notify.delivery import direct_messages
from notify.operations import tasks


def run() -> None:
    """Send what waits. Operators have a job of their own (`approvals`): a flood of joiners never delays them."""
    watch(datetime.now(UTC))
    if db.exists(_WAITING):
        direct_messages.send(settings(), tasks.throttle(), tasks.transport, direct_messages.JOINERS)


def watch(now: datetime) -> None:
    """Ring while the codes of this day are used up."""
    with db.transaction() as s:
        spent = tries.is_budget_spent(s, now)
        most = settings().join_codes_per_day
        told = f"Residents have asked for {most:,} codes today, all that TOCSIN_JOIN_CODES_PER_DAY allows."
        alarms.follow(s, alarms.JOIN_BUDGET, {"": f"{told} Nobody else can join until midnight."} if spent else {}, now)


_WAITING = "SELECT FROM direct_messages WHERE state IN ('waiting', 'claimed') AND joining_id IS NOT NULL"
