"""What staff should tell next of an outage is proposed, until they have."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alert
from notify.service311.outages import acting, proposals
from notify.service311.outages.acting import Done, Report, Where
from notify.service311.outages.proposals import What
from notify.service311.outages.steps import Act
from tests import factories

NOW = datetime(2027, 1, 12, 15, tzinfo=UTC)  # ten in the morning in New York
BEGINS, ENDS = NOW + timedelta(hours=47), NOW + timedelta(hours=52)
EVENING = datetime(2027, 1, 13, 23, tzinfo=UTC)  # six, the evening before


@pytest.fixture(autouse=True)
def town(database: str) -> None:
    with transaction() as s:
        factories.zone(s, now=NOW)
        factories.sender(s, now=NOW)


def report(**more: Any) -> Done:
    with transaction() as s:
        wanted = Report("power", Where(("custom:Riverside",)), **more)
        return acting.report(s, wanted, factories.operator(s, now=NOW), NOW, settings())


def act(done: Done, what: Act, now: datetime, **times: datetime) -> Done:
    with transaction() as s:
        return acting.apply(s, done.outage.id, what, factories.operator(s, now=NOW), now, settings(), **times)


def send(alert: Alert | None, now: datetime) -> None:
    assert alert is not None
    with transaction() as s:
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert.id, factories.operator(s, "approver", now=NOW), now, allowed)
        lifecycle.launch(s, alert.id, None, now)


def due(now: datetime) -> list[tuple[What, datetime]]:
    with transaction() as s:
        return [(one.what, one.at) for one in proposals.waiting(s, now)]


def test_a_time_that_passed_asks_for_news() -> None:
    done = report(back_at=NOW + timedelta(hours=3))
    assert due(NOW + timedelta(hours=3)) == [], "its first alert waits"
    send(done.alert, NOW)
    assert due(NOW + timedelta(hours=2.9)) == []
    later = NOW + timedelta(hours=3.1)
    assert due(later) == [(What.NEWS, NOW + timedelta(hours=3))]
    news = act(done, Act.ESTIMATE, later, back_at=NOW + timedelta(hours=6))
    assert due(later) == [], "an update waits for its approval"
    send(news.alert, later)
    assert due(later) == []
    act(done, Act.RESTORE, later)
    assert due(NOW + timedelta(hours=9)) == []


def test_promised_news_are_asked_for() -> None:
    done = report()
    send(done.alert, NOW)
    assert due(NOW + timedelta(hours=3.9)) == []
    assert due(NOW + timedelta(hours=4)) == [(What.NEWS, NOW + timedelta(hours=4))]


def test_a_reminder_that_nobody_approved_and_work_that_should_have_begun() -> None:
    done = report(begins_at=BEGINS, back_at=ENDS)
    send(done.alert, NOW)
    assert due(EVENING - timedelta(minutes=1)) == []
    assert due(EVENING) == [(What.REMIND, EVENING)]
    again = act(done, Act.REMIND, EVENING)
    assert due(EVENING) == [], "one is written"
    send(again.alert, EVENING)
    assert due(BEGINS - timedelta(minutes=1)) == []
    assert due(BEGINS) == [(What.BEGIN, BEGINS)]
    act(done, Act.BEGIN, BEGINS)
    assert due(BEGINS) == []


def test_a_reminder_that_is_approved_goes_out_and_is_not_proposed() -> None:
    done = report(begins_at=BEGINS, back_at=ENDS)
    send(done.alert, NOW)
    assert done.reminder is not None
    with transaction() as s:
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, done.reminder.id, factories.operator(s, "approver", now=NOW), NOW, allowed)
        assert lifecycle.launch(s, done.reminder.id, factories.operator(s, "approver"), NOW).state == "scheduled"
    with transaction() as s:
        assert [one.id for one in lifecycle.launch_due(s, EVENING)] == [done.reminder.id]
    assert due(EVENING) == []
