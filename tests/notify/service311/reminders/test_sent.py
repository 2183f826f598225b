"""What becomes of a reminder that is written: its addresses are put in, and it goes to who still wants it."""

from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_client
from sqlalchemy import text

from notify.core.db import transaction
from notify.delivery import direct_messages, direct_outcomes, sender_pool
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.models import Topic
from notify.service311.reminders import late, wishes
from notify.subscribers import consent, serving
from tests.database import sql
from tests.factories import Resident, sender
from tests.notify.conftest import Providers
from tests.notify.service311.days import NOW, SOUTH, settle
from tests.notify.service311.reminders.evenings import MONDAY, at, remind, wishing
from tests.owner import owning


@pytest.fixture(autouse=True)
def _senders(database: str) -> None:
    with transaction() as s:
        for provider in ("twilio", "sendgrid"):
            sender(s, provider, now=datetime.now(UTC))
    sender_pool.read_anew()


def written(**person: str) -> Resident:
    """Somebody with a reminder that waits to be sent, now."""
    settle()
    one = wishing(SOUTH, (1.2, 0.2), **person)  # type: ignore[arg-type]
    assert remind(at(MONDAY)) == 1
    _for_an_hour()
    return one


def _for_an_hour() -> None:
    with owning() as s:
        s.execute(text("UPDATE reminders SET until = now() + interval '1 hour'"))


def send(redis: "redis_client.Redis", providers: Providers, transport: Transport) -> list[str]:
    """Run the job; return what has arrived."""
    direct_messages.send(providers.settings(), Throttle(redis), lambda: transport, direct_messages.REMINDED)
    return [message["body"] for message in providers.received()]


def test_the_confirmed_addresses_are_put_in_when_it_is_sent(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    written(addresses=("12 Peña Sánchez St", "5 Oak Ave"))  # type: ignore[arg-type]
    (said,) = send(redis, providers, transport)
    assert "trash at 12 Peña Sanchez St and 5 Oak Ave. Set out" in said, "in the letters of GSM-7"
    assert "Oak" not in sql("SELECT text FROM direct_messages")[0][0], "they are not stored in clear"
    assert sql("SELECT state FROM direct_messages") == [("accepted",)]


def test_an_email_is_sent(redis: "redis_client.Redis", providers: Providers, transport: Transport) -> None:
    ana = written(channel="email", email="ana@example.org")
    (said,) = send(redis, providers, transport)
    assert "12 Main St and 5 Oak Ave" in said
    link = providers.received()[0]["headers"]["List-Unsubscribe"].strip("<>")
    assert said.endswith(f"Stop these emails: {link}")
    with transaction() as s:
        left = consent.unsubscribe(s, link.rpartition("/u/")[2], now=NOW)
        assert wishes.channels(s, ana.id) == ("sms",)
    assert left.topic == Topic.COLLECTION, "one click ends what the email is about, and not the alerts of a flood"


def test_a_damaged_address_is_called_as_its_owner_calls_it(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    ana = written()
    sql("UPDATE places SET address_sealed = '\\x00' WHERE subscriber_id = :id AND label = 'home'", id=ana.id)
    assert "trash at home and home" in send(redis, providers, transport)[0]


def _stop(ana: Resident) -> None:
    with transaction() as s:
        wishes.stop(s, ana.id, NOW)


def _leave(ana: Resident) -> None:
    with transaction() as s:
        consent.opt_out(s, "sms", ana.phone, how="a test", now=NOW, topic=Topic.COLLECTION)


def _mute(ana: Resident) -> None:
    sql("UPDATE preferences SET muted_until = now() + interval '1 day' WHERE subscriber_id = :id", id=ana.id)


def _erase(ana: Resident) -> None:
    with transaction() as s:
        serving.erase_own(s, ana.id, NOW, None, how="a test")


def _move(ana: Resident) -> None:
    sql("DELETE FROM places WHERE subscriber_id = :id", id=ana.id)


def _late(_ana: Resident) -> None:
    with owning() as s:
        s.execute(text("UPDATE reminders SET until = now()"))


@pytest.mark.parametrize("then", [_stop, _leave, _mute, _erase, _move, _late])
def test_what_is_not_wanted_any_more_or_too_late_is_not_sent(
    then: object, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    ana = written()
    then(ana)  # type: ignore[operator]
    assert send(redis, providers, transport) == []
    assert sql("SELECT state, reason FROM direct_messages") == ([] if then is _erase else [("failed", "not-needed")])


def test_staff_are_told_how_many_came_too_late() -> None:
    _stop(written())
    ben, tomorrow = wishing(SOUTH), MONDAY + timedelta(days=1)
    assert remind(at(MONDAY)) == 1
    with transaction() as s:
        assert late.close(s, at(MONDAY)) == 0, "there is time yet"
        assert late.close(s, at(tomorrow, 0, 1)) == 1, "who wants none any more is not missed"
        assert late.close(s, at(tomorrow, 0, 2)) == 0
    ((about, message),) = sql("SELECT about, message FROM alarms WHERE kind = 'reminders-unsent'")
    assert about == str(tomorrow)
    assert message == f"1 reminder of the collections on {tomorrow} waited until it was too late, and was not sent."
    assert sql("SELECT m.reason FROM direct_messages m JOIN reminders r ON r.message_id = m.id "
               "WHERE r.subscriber_id = :id", id=ben.id) == [("too-late",)]  # fmt: skip


def test_the_alarm_has_the_whole_number_of_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "MOST_LOOKED_AT", 1)
    settle()
    tomorrow = MONDAY + timedelta(days=1)
    for _ in range(3):
        wishing(SOUTH)
    assert remind(at(MONDAY)) == 3
    with transaction() as s:
        assert [late.close(s, at(tomorrow, 0, 1)) for _ in range(4)] == [1, 1, 1, 0]
    ((message, count),) = sql("SELECT message, count FROM alarms WHERE kind = 'reminders-unsent'")
    assert (message.partition(" of ")[0], count) == ("3 reminders", 3)


def test_one_that_waits_for_a_slow_sender_does_not_grow_too_old(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    written()
    with owning() as s:
        s.execute(text("UPDATE direct_messages SET made_at = :old"), {"old": datetime.now(UTC) - timedelta(hours=3)})
    assert len(send(redis, providers, transport)) == 1


def test_reminders_delay_no_question() -> None:
    written()
    assert sql(f"SELECT m.kind FROM direct_messages m WHERE {direct_messages.ASKED[0]}") == []
    assert len(sql(f"SELECT m.kind FROM direct_messages m WHERE {direct_messages.REMINDED[0]}")) == 1


def test_what_was_sent_is_known_after_the_sending_process_died(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    """It is looked up with its addresses in it: sent, it is not sent again; never taken, it is."""
    written()
    sql("UPDATE direct_messages SET state = 'claimed', claimed_at = now() - interval '10 minutes',"
        " sender_id = (SELECT id FROM senders WHERE channel = 'sms')")  # fmt: skip
    assert send(redis, providers, transport) == []
    sql("UPDATE direct_messages SET settled_at = now() - interval '10 minutes'")
    assert direct_outcomes.look_up(providers.settings(), lambda: transport) == 1
    assert sql("SELECT state, reason FROM direct_messages") == [("waiting", "not-taken")]
    assert len(send(redis, providers, transport)) == 1
    sql("UPDATE direct_messages SET state = 'unknown', reason = 'not-recorded',"
        " settled_at = now() - interval '10 minutes'")  # fmt: skip
    assert direct_outcomes.look_up(providers.settings(), lambda: transport) == 1
    assert sql("SELECT state FROM direct_messages") == [("accepted",)]
