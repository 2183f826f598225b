"""How many routine alerts residents get, and who would get their fifth of the week."""

from datetime import datetime, timedelta

import pytest

from notify.alerts.reporting import message_load
from notify.alerts.reporting.message_load import Ledger
from notify.core.db import transaction
from tests.database import sql
from tests.factories import NOW, Resident, alert_ready, alert_resolved, resident, sender, zone

SENT = "UPDATE deliveries SET state = 'accepted', claimed_at = :at WHERE contact_id = :contact AND alert_id = :alert"


@pytest.fixture
def people(database: str) -> list[Resident]:
    with transaction() as s:
        zone(s)
        sender(s)
        sender(s, "sendgrid")
        return [resident(s, topics=("snow", "storm"), email="") for _ in range(4)]


def sent(alert: int, *to: Resident, at: object = NOW) -> None:
    """To both contacts of each of them."""
    for who in to:
        for contact in (who.sms, who.mail):
            sql(SENT, contact=contact, alert=alert, at=at)


def routine(count: int = 1, event: str = "snow") -> list[int]:
    return [alert_resolved(event=event, channels=("sms", "email")) for _ in range(count)]


def test_the_median_and_the_many_count_alerts_and_those_who_got_none(people: list[Resident]) -> None:
    for alert in routine(3):
        sent(alert, people[0])
    sent(routine()[0], people[0], people[1])
    sent(routine(event="storm")[0], *people)  # an emergency
    with transaction() as s:
        found = message_load.of_all(s, NOW - timedelta(days=1))
    assert (found.residents, found.median, found.p95, found.most) == (4, 0, 4, 4)


def test_what_came_before_does_not_count(people: list[Resident]) -> None:
    sent(routine()[0], *people, at=NOW - timedelta(days=8))
    with transaction() as s:
        assert message_load.of_all(s, NOW - timedelta(days=7)).most == 0


def test_who_would_get_the_fifth_of_the_week(people: list[Resident]) -> None:
    many, leaves, three, mutes = people
    alerts = routine(4)
    for alert in alerts:
        sent(alert, many, leaves, mutes)
    for alert in alerts[:3]:
        sent(alert, three)
    with transaction() as s:
        waiting = alert_ready(s, event="snow")

    def more(now: datetime = NOW) -> int:
        with transaction() as s:
            return message_load.with_one_more(s, waiting, message_load.got(s, now - message_load.WEEK), now)

    assert more() == 3
    sql("DELETE FROM preferences WHERE subscriber_id = :id", id=leaves.id)
    sql("UPDATE preferences SET muted_until = :at WHERE subscriber_id = :id", id=mutes.id, at=NOW + timedelta(days=1))
    assert more() == 1
    assert more(NOW + timedelta(days=8)) == 0


def test_the_ledger_of_a_resident(people: list[Resident]) -> None:
    came, waits, left = routine(3)
    sent(came, people[0])
    sql("UPDATE deliveries SET state = 'held', reason = 'quiet-hours' WHERE alert_id = :id", id=waits)
    sql(
        "UPDATE deliveries SET state = 'skipped', reason = 'muted', settled_at = now() WHERE alert_id = :id",
        id=left,
    )
    with transaction() as s:
        assert message_load.of_resident(s, people[0].id, NOW - timedelta(days=1)) == Ledger(1, 1, 1)
        assert message_load.of_resident(s, people[0].id, NOW + timedelta(days=1)) == Ledger(0, 0, 0)
