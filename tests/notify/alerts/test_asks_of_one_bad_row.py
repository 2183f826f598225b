"""An alert about which PostgreSQL lets nobody be asked keeps no other from its turn (law 15)."""

from datetime import timedelta

import pytest

from notify.accounts import roster
from notify.alerts import expiry_asks
from notify.alerts.approving import approval_asks
from notify.core.db import transaction
from notify.core.settings import settings
from tests.database import sql
from tests.factories import NOW, alert_draft, alert_resolved, operator, zone
from tests.owner import refuse

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _staff(own_database: str) -> None:
    with transaction() as s:
        zone(s)
        people = [operator(s, "approver", f"{name}@example.org") for name in ("ann", "ben", "cat")]
        roster.plan(s, people[0].email, people[1].email, NOW - HOUR, NOW + 8 * HOUR, people[2], NOW)


def told() -> list[str]:
    return [row.message for row in sql("SELECT message FROM alarms WHERE kind = 'refused-row'")]


def test_of_asking_again_for_approval() -> None:
    with transaction() as s:
        bad, good = (alert_draft(s, event="storm").id for _ in range(2))
    refuse("direct_messages", f"NEW.alert_id = {bad}", "INSERT")
    with transaction() as s:
        assert approval_asks.ask_again(s, NOW + HOUR, settings()) == [good]
    (message,) = told()
    assert f"ask again who approves alert {bad}" in message


def test_of_asking_to_extend() -> None:
    bad, good = (alert_resolved(expires_at=NOW + 4 * HOUR) for _ in range(2))
    refuse("direct_messages", f"NEW.alert_id = {bad}", "INSERT")
    with transaction() as s:
        assert expiry_asks.ask(s, NOW + 3.5 * HOUR, settings()) == [good]
    (message,) = told()
    assert f"ask who extends alert {bad}" in message
