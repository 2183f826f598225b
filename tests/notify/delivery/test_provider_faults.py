"""Receipts that speak of our sender stop it, and somebody is told."""

from datetime import timedelta
from typing import Any

import pytest

from notify.channels.contract import Blame, Receipt, ReceiptState
from notify.core import alarms
from notify.core.db import transaction
from notify.delivery import receipts, senders
from tests.database import sql
from tests.factories import NOW, Person, alert_resolved, residents, zone

R = ReceiptState


@pytest.fixture
def deliveries(database: str) -> list[int]:
    """Forty that a provider has accepted."""
    with transaction() as s:
        zone(s)
        residents(s, [Person()] * 40)
    alert_resolved()
    sent = """UPDATE deliveries SET state = 'accepted', sent_at = :now, claimed_at = :now, attempts = 1,
                     sender_id = (SELECT id FROM senders) RETURNING id"""
    return sorted(row.id for row in sql(sent, now=NOW))


def failed(delivery: int, code: str, blame: Blame | None) -> Receipt:
    return Receipt(delivery, R.UNDELIVERED, code, blame=blame)


def sender() -> tuple[str, str]:
    row = sql("SELECT status, note FROM senders")[0]
    return row.status, row.note


def ringing() -> list[tuple[str, int, str]]:
    with transaction() as s:
        return [(alarm.kind, alarm.count, alarm.message) for alarm in alarms.ringing(s)]


def test_a_sender_that_is_refused_stops_at_once_with_words(deliveries: list[int]) -> None:
    receipts.store("twilio", [failed(deliveries[0], "30034", "us")], NOW)
    status, note = sender()
    assert status == "stopped"
    assert "not registered with the carriers" in note
    assert "30034" in note
    ((kind, count, message),) = ringing()
    assert (kind, count) == ("sender-stopped", 1)
    assert note in message
    assert sql("SELECT action FROM audit WHERE subject = 'sender' ORDER BY id DESC")[0].action == "stop"


def test_the_same_refusal_again_is_the_same_alarm(deliveries: list[int]) -> None:
    for n in range(3):
        receipts.store("twilio", [failed(d, "30002", "us") for d in deliveries[:5]], NOW + timedelta(minutes=n))
    assert [(kind, count) for kind, count, _ in ringing()] == [("sender-stopped", 3)]
    assert len(sql("SELECT 1 FROM audit WHERE subject = 'sender' AND action = 'stop'")) == 1


def test_blame_is_kept_with_the_receipt(deliveries: list[int]) -> None:
    blames: list[Blame | None] = [None, "recipient", "provider", "filter", "us"]
    receipts.store("twilio", [failed(d, "1", b) for d, b in zip(deliveries, blames, strict=False)], NOW)
    assert [row.blame for row in sql("SELECT blame FROM receipts ORDER BY id")] == [b or "" for b in blames]


@pytest.mark.parametrize("blame", [None, "recipient", "provider", "filter"])
def test_other_faults_stop_nobody(deliveries: list[int], blame: Any) -> None:
    receipts.store("twilio", [failed(deliveries[0], "30003", blame)], NOW)
    receipts.apply(NOW)
    assert sender() == ("open", "")
    assert ringing() == []


def test_another_providers_sender_is_left_alone(deliveries: list[int]) -> None:
    receipts.store("sendgrid", [failed(deliveries[0], "over-quota", "us")], NOW)
    assert sender() == ("open", "")


def test_late_receipts_do_not_stop_a_sender_that_was_mended(deliveries: list[int]) -> None:
    receipts.store("twilio", [failed(deliveries[0], "30034", "us")], NOW)
    with transaction() as s:
        senders.change(s, sql("SELECT id FROM senders")[0].id, NOW + timedelta(minutes=5), status="open")
    assert ringing() == []
    receipts.store("twilio", [failed(deliveries[1], "30034", "us")], NOW + timedelta(minutes=6))
    assert sender() == ("open", "")
    sql("UPDATE deliveries SET claimed_at = :now WHERE id = :id", now=NOW + timedelta(minutes=7), id=deliveries[2])
    receipts.store("twilio", [failed(deliveries[2], "30034", "us")], NOW + timedelta(minutes=8))
    assert sender()[0] == "stopped"


@pytest.mark.parametrize(
    ("filtered", "delivered", "status"),
    [(1, 0, "open"), (19, 0, "open"), (20, 0, "stopped"), (2, 18, "stopped"), (1, 19, "open"), (3, 37, "open")],
)
def test_spam_filters_stop_a_sender_by_their_share(
    deliveries: list[int], filtered: int, delivered: int, status: str
) -> None:
    """A tenth of at least twenty whose end is known; what is only accepted says nothing, and repeats do not count."""
    told = [failed(d, "30007", "filter") for d in deliveries[:filtered]]
    told += [Receipt(d, R.DELIVERED) for d in deliveries[filtered : filtered + delivered]]
    told += [Receipt(d, R.ACCEPTED) for d in deliveries]
    receipts.store("twilio", told * 2, NOW)
    receipts.apply(NOW)
    assert sender()[0] == status
    assert len(ringing()) == (status == "stopped")
