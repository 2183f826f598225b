"""What an agent does is counted and noted, and nothing is sent that its reader has stopped."""

from datetime import UTC, datetime

import pytest

from notify.accounts import tries
from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.errors import NotFound, Refused
from notify.delivery import sender_pool
from notify.models import Topic
from notify.service311.desk import acts, here, limits, looking, resend
from notify.service311.desk.acts import Call
from notify.service311.desk.proof import Proven
from notify.subscribers import consent
from tests import factories
from tests.database import sql
from tests.factories import Resident, operator

pytestmark = pytest.mark.usefixtures("database")

NOW = datetime.now(UTC)


@pytest.fixture
def told() -> tuple[Resident, int]:
    """A resident with a phone and an email, and an alert in force about the topic `storm` that went there."""
    with transaction() as s:
        factories.zone(s, now=NOW)
        for provider in ("twilio", "sendgrid"):
            factories.sender(s, provider, now=NOW)
        one = factories.resident(s, email="ann@example.org", now=NOW)
    sender_pool.read_anew()
    return one, factories.alert_resolved(now=NOW, channels=("sms", "email"))


def call(one: Resident, *, proven: bool = True) -> Call:
    with transaction() as s:
        by = operator(s, "agent")
    return Call(by, one.id, Proven(by.id, one.id, one.sms or 0) if proven else None)


def again(one: Resident, alert: int, contact: int | None) -> int:
    with transaction() as s:
        resend.resend(s, call(one), alert, contact or 0, NOW)
    return len(sql("SELECT FROM direct_messages WHERE kind = 'resend'"))


def test_an_alert_is_not_sent_again_where_its_topic_was_stopped(told: tuple[Resident, int]) -> None:
    one, alert = told
    with transaction() as s:
        consent.opt_out(s, "email", one.email, how="a test", now=NOW, topic=Topic.STORM)
    with pytest.raises(Refused, match="Nothing of it may be sent there"):
        again(one, alert, one.mail)
    with transaction() as s:
        consent.opt_out(s, "sms", one.phone, how="a test", now=NOW, topic=Topic.COLLECTION)
    assert again(one, alert, one.sms) == 1, "another topic"


def test_an_alert_is_sent_again_only_to_who_got_it_and_to_their_own_contacts(told: tuple[Resident, int]) -> None:
    one, alert = told
    with transaction() as s:
        other = factories.resident(s, at=((5.0, 5.0),), now=NOW)
    with pytest.raises(NotFound, match="not a phone or email of this resident"):
        again(one, alert, other.sms)
    with pytest.raises(NotFound, match="got no such alert"):
        again(other, alert, other.sms)


def test_a_cancelled_alert_holds_nowhere(told: tuple[Resident, int]) -> None:
    _one, alert = told
    with transaction() as s:
        assert [one.alert.id for one in here.alerts(s, NOW, (0.5, 0.5))] == [alert]
        lifecycle.cancel(s, alert, operator(s, "approver"), NOW)
    with transaction() as s:
        assert here.alerts(s, NOW, (0.5, 0.5)) == []


def test_a_look_that_found_nobody_is_noted_too() -> None:
    with transaction() as s:
        seen = looking.look(s, "+12155550199", NOW, operator(s, "agent"))
    assert seen.stranger == "***99"
    assert sql("SELECT action, subject_id FROM audit WHERE subject = 'subscriber'") == [("find", 0)]


def test_who_stops_one_after_the_other_rings_the_alarm_and_stops_all_the_same(told: tuple[Resident, int]) -> None:
    one, _alert = told
    with transaction() as s:
        by = operator(s, "agent")
        for _ in range(tries.BUCKETS[limits.STOP].most):
            tries.count(s, tries.of_agent(limits.STOP, by.id), NOW)
    with transaction() as s:
        assert acts.stop(s, call(one, proven=False), one.sms or 0, NOW)
    assert sql("SELECT kind, about FROM alarms") == [("desk-many-looks", "agent@tocsin.example.org")]
    assert sql("SELECT reason FROM suppressions") == [("opt-out",)]
