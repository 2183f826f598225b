"""A channel on which nothing is accepted within a minute of a launch: the alarm, the letters, and the other way."""

from datetime import UTC, datetime, timedelta

import pytest

from notify import audience
from notify.accounts import roster
from notify.alerts import follow_up, lifecycle
from notify.alerts.readiness import silent_channels
from notify.core import alarms
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alert
from notify.operations.jobs import watch
from tests import factories
from tests.database import sql
from tests.factories import NOW

LATER = NOW + timedelta(seconds=90)
LAUNCHER, DUTY, DEPUTY = "ann@example.org", "ben@example.org", "cal@example.org"


@pytest.fixture
def alert(database: str) -> int:
    """Texts and emails to three people each, launched by Ann; Ben is on duty."""
    return launched(NOW)


def launched(now: datetime, channels: tuple[str, ...] = ("sms", "email")) -> int:
    with transaction() as s:
        factories.zone(s)
        factories.sender(s)
        factories.sender(s, "sendgrid")
        for _ in range(3):
            factories.resident(s, email="", now=now - timedelta(days=1))
        ann, ben, _ = (factories.operator(s, "approver", one) for one in (LAUNCHER, DUTY, DEPUTY))
        for one in (ann, ben):
            factories.own_contact(s, one, "sms", "+12025550100")
            factories.own_contact(s, one, "email", one.email)
        roster.plan(s, DUTY, DEPUTY, now, now + timedelta(hours=6), ann, now)
        made = factories.alert_ready(s, channels=channels, now=now).id
        lifecycle.launch(s, made, ann, now)
    factories.resolve(made, now)
    return made


def accept(alert: int, channel: str) -> None:
    """One message of the channel."""
    sql(
        """UPDATE deliveries SET state = 'accepted' WHERE id = (
               SELECT min(d.id) FROM deliveries d JOIN batches b ON b.id = d.batch_id
                WHERE b.alert_id = :alert AND b.channel = :channel)""",
        alert=alert, channel=channel,
    )  # fmt: skip


def ring(now: datetime = LATER) -> None:
    with transaction() as s:
        silent_channels.ring(s, now, settings())


def ringing() -> list[str]:
    return [row.message for row in sql("SELECT message FROM alarms WHERE resolved_at IS NULL ORDER BY id")]


def test_nothing_rings_within_a_minute_or_when_every_channel_has_one(alert: int) -> None:
    ring(NOW + timedelta(seconds=59))
    assert ringing() == []
    accept(alert, "sms")
    accept(alert, "email")
    ring()
    assert ringing() == sql("SELECT 1 FROM direct_messages WHERE kind = 'channel-silent'") == []


def test_the_alarm_names_the_channel_and_ends_with_the_first_message(alert: int) -> None:
    accept(alert, "email")
    ring()
    (message,) = ringing()
    assert "accepted any of its texts since" in message
    accept(alert, "sms")
    ring()
    assert ringing() == []


def test_the_launcher_and_who_is_on_duty_are_written_to_once_by_the_channels_that_work(alert: int) -> None:
    accept(alert, "email")
    ring()
    ring()
    written = sql(
        """SELECT email, channel, text FROM direct_messages m JOIN operators o ON o.id = m.operator_id
            WHERE kind = 'channel-silent' ORDER BY email, channel"""
    )
    assert [(row.email, row.channel) for row in written] == [
        (LAUNCHER, "console"), (LAUNCHER, "email"), (DUTY, "console"), (DUTY, "email"),
    ]  # fmt: skip
    assert "no provider has accepted any of its texts." in written[0].text


def test_one_that_somebody_has_resolved_does_not_ring_again(alert: int) -> None:
    ring()
    with transaction() as s:
        (one,) = alarms.ringing(s)
        alarms.mark_resolved(s, one.id, LATER, factories.operator(s))
    ring(LATER + timedelta(seconds=10))
    assert ringing() == []


def test_an_alarm_goes_on_for_longer_than_launches_are_looked_at(alert: int) -> None:
    ring()
    ring(NOW + timedelta(hours=2))
    assert len(ringing()) == 1
    with transaction() as s:
        lifecycle.cancel(s, alert, None, NOW + timedelta(hours=2))
    ring(NOW + timedelta(hours=2))
    assert ringing() == []


def test_people_on_a_silent_channel_are_among_the_unreached(database: str) -> None:
    first = launched(NOW, ("sms",))
    with transaction() as s:
        by = factories.operator(s, "author")
        follow = follow_up.make(s, first, by, LATER, settings().model_copy(update=factories.CREDENTIALS)).id
    assert reached(follow, NOW + timedelta(seconds=30)) == {}
    assert reached(follow, LATER) == {"email": 3}
    accept(first, "sms")
    assert reached(follow, LATER) == {}


def test_the_minute_begins_anew_when_it_is_resumed(database: str) -> None:
    first = launched(NOW, ("sms",))
    with transaction() as s:
        by = factories.operator(s, "author")
        follow = follow_up.make(s, first, by, LATER, settings().model_copy(update=factories.CREDENTIALS)).id
    with transaction() as s:
        lifecycle.pause(s, first, None, NOW + timedelta(seconds=2))
        lifecycle.resume(s, first, None, LATER)
    ring(LATER + timedelta(seconds=1))
    assert ringing() == []
    assert reached(follow, LATER + timedelta(seconds=1)) == {}
    ring(LATER + timedelta(seconds=60))
    assert len(ringing()) == 1
    assert reached(follow, LATER + timedelta(seconds=60)) == {"email": 3}


def reached(alert: int, now: datetime) -> dict[str, int]:
    with transaction() as s:
        return {name: n for name, n in audience.preview(s, s.get_one(Alert, alert), now).by_channel.items() if n}


def test_the_watch_looks_for_it(database: str) -> None:
    launched(datetime.now(UTC) - timedelta(minutes=2))
    watch.run()
    assert any("accepted any of its emails, texts" in message for message in ringing())
