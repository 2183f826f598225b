"""STOP to one of our senders is about this sender, for the carrier: others still reach the phone, and START to another
one lifts nothing there."""

from datetime import timedelta
from typing import Any

import pytest
from alembic import command

from notify import migrations
from notify.alerts import lifecycle
from notify.channels.contract import Inbound, Receipt, ReceiptState
from notify.core import crypto
from notify.core.db import transaction
from notify.delivery import carrier_blocks, claims, leases, receipts, recording, recovery, senders
from notify.delivery.claims import Claimed
from notify.delivery.leases import Lease
from notify.delivery.outcomes import Outcome
from notify.inbound.messages import receive
from notify.models.states import DeliveryState
from notify.operations import restoring
from tests.database import sql
from tests.factories import NOW, Resident, alert_resolved, operator, resident, sender, zone
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")

A, B, SERVICE = "+15555550100", "+15555550200", "MG" + "0a" * 16
D = DeliveryState


@pytest.fixture
def tom() -> Resident:
    """He and another one of his zone."""
    with transaction() as s:
        zone(s)
        found = resident(s)
        resident(s)
        sender(s)
        return found


def add_sender(address: str = B, rate_per_s: float = 50.0) -> int:
    with transaction() as s:
        return senders.add(s, "twilio", address, rate_per_s, NOW).id


def of(address: str) -> int:
    return int(sql("SELECT id FROM senders WHERE address = :a", a=address)[0][0])


def lease(place: int = -1) -> Lease:
    """The latest batch."""
    held = leases.lease(sql("SELECT id FROM batches ORDER BY id")[place][0], 60)
    assert held is not None
    return held


def says(who: Resident, words: str, to: str = A, *, minutes: int, service: str = "") -> str | None:
    inbound = Inbound(who.phone, to, words, f"SM{minutes}", service=service)
    with transaction() as s:
        return receive(s, "twilio", inbound, NOW + timedelta(minutes=minutes)).text


def claimed_of(who: Resident, held: Lease, by: str = A) -> Claimed:
    claimed = claims.claim(held, of(by), 10, NOW) or []
    return next(one for one in claimed if one.contact_id == who.sms)


def refused(one: Claimed) -> None:
    told = Outcome(one.delivery_id, D.FAILED, "21610", suppress="carrier-block")
    recording.record([told], one.claimed_at, NOW)


def called_back(one: Claimed) -> None:
    recording.record([Outcome(one.delivery_id, D.ACCEPTED, reference="SM9")], one.claimed_at, NOW)
    told = Receipt(one.delivery_id, ReceiptState.FAILED, "21610", "SM9", "SM9:failed", "carrier-block", "recipient")
    receipts.store("twilio", [told], NOW)
    receipts.apply(NOW)


def state(who: Resident) -> Any:
    return sql("SELECT state::text, reason FROM deliveries WHERE contact_id = :c", c=who.sms)[-1]


def is_out() -> bool:
    return bool(sql("SELECT 1 FROM suppressions"))


CONSENTS = "SELECT kind, topic::text, how, at FROM consents WHERE how <> 'a test' ORDER BY id"


@pytest.mark.parametrize("told", [refused, called_back])
def test_a_stop_that_only_the_carrier_knows_opts_out_with_the_same_proof_however_it_is_told(
    tom: Resident, told: Any
) -> None:
    alert_resolved()
    told(claimed_of(tom, lease()))
    assert state(tom) == ("failed", "21610")
    assert sql("SELECT channel, topic::text, reason FROM suppressions") == [("sms", None, "opt-out")]
    assert sql(CONSENTS) == [("opt-out", None, "told by the provider", NOW)]
    assert sql("SELECT sender_id FROM carrier_blocks WHERE lifted_at IS NULL") == [(of(A),)]


@pytest.mark.parametrize("told", [refused, called_back])
def test_who_has_come_back_stays_and_only_this_sender_is_barred(tom: Resident, told: Any) -> None:
    add_sender()
    says(tom, "please stop texting me", minutes=1)  # the carrier does not know these words
    says(tom, "START", to=B, minutes=2)
    alert_resolved()
    before = sql(CONSENTS)
    told(claimed_of(tom, lease()))
    assert not is_out()
    assert sql(CONSENTS) == before
    assert sql("SELECT sender_id FROM carrier_blocks WHERE lifted_at IS NULL") == [(of(A),)]


def test_after_a_refusal_another_sender_takes_it_once(tom: Resident) -> None:
    add_sender()
    says(tom, "please stop texting me", minutes=1)
    says(tom, "START", to=B, minutes=2)
    alert_resolved()
    held = lease()
    one = claimed_of(tom, held)
    for _ in range(2):  # an outcome may be recorded twice
        refused(one)
    assert state(tom) == ("queued", "carrier-block")
    assert claims.claim(held, of(A), 10, NOW) == []
    assert claims.claim(held, of(A), 10, NOW) is None, "nothing is left in this batch"
    other = lease()
    assert (other.only_sender, other.size, other.alert_id) == (of(B), 1, held.alert_id)
    again = claimed_of(tom, other, B)
    assert (again.delivery_id, again.attempts) == (one.delivery_id, 1)
    leases.finish(held)
    assert sql("SELECT count(*) FROM deliveries WHERE contact_id = :c", c=tom.sms) == [(1,)]


def test_stop_here_and_start_there_goes_there_without_a_refusal(tom: Resident) -> None:
    add_sender()
    says(tom, "STOP", minutes=1)
    says(tom, "START", to=B, minutes=2)
    alert_resolved()
    held = lease()
    others = claims.claim(held, of(A), 10, NOW) or []
    assert tom.sms not in {one.contact_id for one in others}
    assert len(others) == 1
    assert claimed_of(tom, lease(), B)
    assert not is_out()


def test_where_every_open_sender_is_barred_it_ends_and_says_what_helps(tom: Resident) -> None:
    add_sender()
    third = add_sender("+15555550300", 80.0)
    with transaction() as s:
        senders.change(s, third, NOW, status="stopped")
    says(tom, "STOP", minutes=1)
    says(tom, "STOP", to=B, minutes=2)
    says(tom, "empezar", minutes=3)
    alert_resolved()
    held = lease()
    claims.claim(held, of(A), 10, NOW)
    assert state(tom) == ("skipped", "carrier-block")
    assert not is_out()
    leases.finish(held)
    assert sql("SELECT count(*) FROM batches") == [(1,)]


def test_start_lifts_the_bar_and_a_later_refusal_is_a_new_stop(tom: Resident) -> None:
    add_sender()
    says(tom, "STOP", minutes=1)
    says(tom, "START", minutes=2)
    alert_resolved()
    refused(claimed_of(tom, lease()))
    assert is_out()
    assert state(tom) == ("failed", "21610")


@pytest.mark.parametrize("word", ["YES", "empezar"])
def test_a_word_that_the_carrier_of_a_toll_free_number_does_not_know_lifts_nothing(tom: Resident, word: str) -> None:
    toll_free = "+18005550100"
    as_owner("UPDATE senders SET address = :a", a=toll_free)
    says(tom, "STOP", to=toll_free, minutes=1)
    assert f"START to {toll_free}" in (says(tom, word, to=toll_free, minutes=2) or "")
    assert sql("SELECT 1 FROM carrier_blocks WHERE lifted_at IS NULL")
    assert "you will get messages again" in (says(tom, "unstop", to=toll_free, minutes=3) or "")
    assert not sql("SELECT 1 FROM carrier_blocks WHERE lifted_at IS NULL")


def test_a_stop_to_a_number_counts_for_its_service(tom: Resident) -> None:
    add_sender(SERVICE)
    says(tom, "STOP", minutes=1, service=SERVICE)
    assert sql("SELECT x.address FROM carrier_blocks JOIN senders x ON x.id = sender_id ORDER BY 1") == [
        (A,),
        (SERVICE,),
    ]


def test_what_waits_for_a_sender_that_was_stopped_goes_by_another(tom: Resident) -> None:
    second, third = add_sender(), add_sender("+15555550300", 10.0)
    says(tom, "STOP", minutes=1)
    says(tom, "START", to=B, minutes=2)
    alert_resolved()
    claims.claim(lease(), of(A), 10, NOW)
    with transaction() as s:
        senders.change(s, second, NOW, status="stopped")
    held = lease()
    assert held.only_sender is None
    claims.claim(held, of(A), 10, NOW)
    assert lease().only_sender == third


def test_a_worker_that_has_lost_its_lease_passes_nothing_on(tom: Resident) -> None:
    add_sender()
    says(tom, "STOP", minutes=1)
    says(tom, "START", to=B, minutes=2)
    alert_resolved()
    held = lease()
    index = crypto.address_index("sms", tom.phone)
    assert sql("SELECT 1 FROM carrier_blocks WHERE address_index = :i AND lifted_at IS NULL", i=index)
    sql("UPDATE batches SET lease = gen_random_uuid()")
    ids = [row[0] for row in sql("SELECT id FROM deliveries WHERE contact_id = :c", c=tom.sms)]
    with claims.statements() as cursor:
        carrier_blocks.pass_on(cursor, held.batch_id, held.key, ids, NOW)
    assert sql("SELECT batch_id FROM deliveries WHERE contact_id = :c", c=tom.sms) == [(held.batch_id,)]


def test_a_cancelled_alert_ends_what_was_passed_on(tom: Resident) -> None:
    add_sender()
    says(tom, "STOP", minutes=1)
    says(tom, "START", to=B, minutes=2)
    alert = alert_resolved()
    claims.claim(lease(), of(A), 10, NOW)
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)
    recovery.end_leftovers(NOW)
    assert state(tom) == ("cancelled", "cancelled")
    sql("UPDATE batches SET lease_until = now() - interval '1 second' WHERE state = 'leased'")
    recovery.take_back_expired_leases()
    recovery.end_leftovers(NOW)
    assert sql("SELECT count(*) FROM batches WHERE state = 'waiting'") == [(0,)]


def test_a_late_callback_about_another_senders_try_says_nothing_of_this_one(tom: Resident) -> None:
    add_sender()
    alert_resolved()
    one = claimed_of(tom, lease(), B)
    recording.record([Outcome(one.delivery_id, D.ACCEPTED, reference="SM2")], one.claimed_at, NOW)
    told = Receipt(one.delivery_id, ReceiptState.FAILED, "21610", "SM1", "SM1:failed", "carrier-block", "recipient")
    receipts.store("twilio", [told], NOW)
    assert not sql("SELECT 1 FROM carrier_blocks")


def test_after_a_restored_backup_the_provider_says_again_what_it_blocks(tom: Resident) -> None:
    says(tom, "STOP", minutes=1)
    says(tom, "START", to=B, minutes=2)
    add_sender()
    says(tom, "STOP", to=B, minutes=3)
    says(tom, "START", to=B, minutes=4)
    with transaction() as s:
        restoring.restored(s, NOW)
    assert not sql("SELECT 1 FROM carrier_blocks WHERE lifted_at IS NULL"), "START may have lifted it since the backup"
    assert sql("SELECT sender_id FROM carrier_blocks WHERE NOT doubtful") == [(of(B),)], "START to it came last"
    alert_resolved()
    refused(claimed_of(tom, lease()))
    assert not is_out(), "that A is barred is no news"


def test_a_stop_of_which_only_the_carrier_tells_is_obeyed_by_all_whatever_was_said_to_others(tom: Resident) -> None:
    add_sender()
    third = "+15555550300"
    add_sender(third, 10.0)
    says(tom, "STOP", minutes=1)
    says(tom, "START", to=B, minutes=2)
    alert_resolved()
    refused(claimed_of(tom, lease(), third))
    assert is_out(), "the webhook of STOP to the third was lost"
    assert state(tom) == ("failed", "21610")
    says(tom, "START", to=B, minutes=3)
    alert_resolved()
    claims.claim(lease(), of(third), 10, NOW)
    assert claimed_of(tom, lease(), B), "who comes back is written to by those that may"
    assert not is_out()


@pytest.mark.parametrize("words", ["please stop texting me", "STOP"])
def test_start_to_the_same_sender_ends_all_doubt(tom: Resident, words: str) -> None:
    says(tom, words, minutes=1)
    says(tom, "START", minutes=2)
    alert_resolved()
    refused(claimed_of(tom, lease()))
    assert is_out()


def test_words_that_only_we_understand_do_not_lift_a_bar(tom: Resident) -> None:
    says(tom, "STOP", minutes=1)
    says(tom, "please stop texting me", minutes=2)
    assert sql("SELECT lifted_at, doubtful FROM carrier_blocks") == [(None, False)]


def test_whoever_left_and_came_back_before_pairs_were_kept_may_be_barred_by_anybody(own_database: str) -> None:
    with transaction() as s:
        tom, ann = resident(s), resident(s)
        sender(s)
    add_sender()
    for who, minute in ((tom, 1), (ann, 5)):
        says(who, "STOP", minutes=minute)
    says(tom, "START", to=B, minutes=2)
    as_owner(
        "DELETE FROM carrier_blocks",
        "ALTER TABLE carrier_blocks DROP COLUMN doubtful",
        "UPDATE alembic_version SET version_num = '0029'",
    )
    command.upgrade(migrations._config(), "0030")
    doubtful = sql("SELECT sender_id, address_index, doubtful, lifted_at FROM carrier_blocks ORDER BY sender_id")
    index, stopped_at = crypto.address_index("sms", tom.phone), NOW + timedelta(minutes=1)
    assert doubtful == [(of(one), index, True, stopped_at) for one in (A, B)]
