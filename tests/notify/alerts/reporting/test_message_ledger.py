"""What one resident got this month, for staff: by message and by day, with the reasons, from the delivery rows."""

from datetime import UTC, datetime, timedelta

import pytest

from notify.alerts.reporting import message_ledger
from notify.core.db import transaction
from notify.core.errors import NotAllowed, NotFound
from tests.database import sql
from tests.factories import Resident, alert_resolved, operator, resident, zone
from tests.owner import as_owner

FIRST = datetime(2027, 1, 12, 17, tzinfo=UTC)
NEXT = FIRST + timedelta(days=1)


@pytest.fixture
def who(database: str) -> Resident:
    with transaction() as s:
        zone(s, now=FIRST)
        return resident(s, topics=("snow", "storm"), email="", now=FIRST)


def month(who: Resident, now: datetime = NEXT) -> message_ledger.Month:
    with transaction() as s:
        return message_ledger.of_resident(s, who.id, now, operator(s, "agent", now=FIRST))


def becomes(alert: int, contact: int | None, state: str, reason: str | None, at: datetime) -> None:
    sql(
        "UPDATE deliveries SET state = CAST(:s AS delivery_state), reason = :r, sent_at = :at, settled_at = :at"
        " WHERE (alert_id, contact_id) = (:a, :c)",
        s=state, r=reason, at=at, a=alert, c=contact,
    )  # fmt: skip


def test_it_says_what_was_sent_held_merged_and_left_out_by_day(who: Resident) -> None:
    ends = FIRST + timedelta(days=9)
    first = alert_resolved(event="snow", channels=("sms", "email"), now=FIRST, expires_at=ends)
    second = alert_resolved(event="storm", channels=("sms", "email"), now=NEXT, expires_at=ends)
    becomes(first, who.sms, "delivered", None, FIRST)
    becomes(first, who.mail, "skipped", "emergencies-only", FIRST)
    becomes(second, who.sms, "failed", "invalid", NEXT)
    becomes(second, who.mail, "delivered", "merged", NEXT)
    found = month(who)
    assert found.messages == {"sent": 1, "left-out": 1, "failed": 1, "merged": 1}
    assert [(one.day.day, one.messages) for one in found.days] == [
        (13, {"failed": 1, "merged": 1}),
        (12, {"sent": 1, "left-out": 1}),
    ]
    left = next(one for one in found.each if one.outcome == "left-out")
    assert (left.alert_id, left.channel, left.reason) == (first, "email", "emergencies-only")
    assert left.why == "only emergencies are wanted on this phone or email"
    assert "@example.org" not in left.contact.split("***")[0]
    assert (found.routine.came, found.routine.left_out) == (0, 1), "no message was claimed: alerts, as on their page"


def test_last_month_exercises_and_other_residents_are_not_in_it(who: Resident) -> None:
    with transaction() as s:
        resident(s, topics=("storm",), now=FIRST)
    old = alert_resolved(now=FIRST, expires_at=FIRST + timedelta(hours=2))
    exercise = alert_resolved(now=FIRST)
    assert {one.alert_id for one in month(who).each} == {old, exercise}
    as_owner(  # a stack with real senders launches none
        "ALTER TABLE alerts DISABLE TRIGGER USER",
        "UPDATE alerts SET status = 'Exercise' WHERE id = :id",
        "ALTER TABLE alerts ENABLE TRIGGER USER",
        id=exercise,
    )
    assert [one.alert_id for one in month(who).each] == [old]
    assert month(who, FIRST + timedelta(days=40)).each == []


def test_what_waits_is_named_until_it_ends(who: Resident) -> None:
    late = datetime(2027, 1, 31, 17, tzinfo=UTC)
    alert = alert_resolved(now=late, expires_at=late + timedelta(days=9))
    assert [(one.alert_id, one.outcome) for one in month(who, late + timedelta(days=4)).each] == [(alert, "waits")]


def test_only_who_serves_residents_may_look_and_the_audit_names_them(who: Resident) -> None:
    month(who)
    assert sql("SELECT count(*) AS n FROM audit WHERE action = 'find'")[0].n == 1
    with transaction() as s, pytest.raises(NotAllowed):
        message_ledger.of_resident(s, who.id, NEXT, operator(s, "author", now=FIRST))
    with transaction() as s, pytest.raises(NotFound):
        message_ledger.of_resident(s, 999, NEXT, operator(s, "agent", now=FIRST))
