"""21610 in a callback: the provider had taken the message, and the carrier keeps its sender from this phone. Another
sender tries, once."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from notify.alerts import lifecycle
from notify.channels.contract import Receipt, ReceiptState
from notify.core.db import transaction
from notify.delivery import carrier_blocks, claims, leases, receipts, recording, recovery, senders
from notify.delivery.claims import Claimed
from notify.delivery.leases import Lease
from notify.delivery.outcomes import Outcome
from notify.models.states import DeliveryState
from notify.operations import restoring
from tests.database import sql
from tests.factories import NOW, Resident, alert_resolved, operator, resident, sender, zone
from tests.notify.delivery.test_carrier_blocks import (
    A,
    B,
    add_sender,
    claimed_of,
    is_out,
    lease,
    of,
    says,
    state,
)
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")
R, D = ReceiptState, DeliveryState


@pytest.fixture
def tom() -> Resident:
    """He has left in words that the carrier may have understood, and come back by another number."""
    with transaction() as s:
        zone(s)
        found = resident(s)
        sender(s)
    add_sender()
    says(found, "please stop texting me", minutes=1)
    says(found, "START", to=B, minutes=2)
    return found


def accepted(one: Claimed, reference: str) -> None:
    recording.record([Outcome(one.delivery_id, D.ACCEPTED, reference=reference)], one.claimed_at, NOW)


def told(one: Claimed, *states: R, reference: str = "SM1") -> None:
    for what in states:
        barred = what is R.FAILED
        code, suppress = ("21610", "carrier-block") if barred else ("", "")
        key = f"{reference}:{what}"
        receipt = Receipt(one.delivery_id, what, code, reference, key, suppress, "recipient" if barred else None)  # type: ignore[arg-type]
        receipts.store("twilio", [receipt], NOW)
    receipts.apply(NOW)


def sent_by_a(tom: Resident) -> tuple[Claimed, Lease]:
    alert_resolved()
    held = lease()
    one = claimed_of(tom, held)
    accepted(one, "SM1")
    return one, held


def sent_by_b(tom: Resident) -> Claimed:
    other = lease()
    assert (other.only_sender, other.size) == (of(B), 1)
    again = claimed_of(tom, other, B)
    accepted(again, "SM2")
    leases.finish(other)
    return again


def test_another_sender_takes_it_once_and_the_first_try_says_nothing_more(tom: Resident) -> None:
    one, held = sent_by_a(tom)
    leases.finish(held)
    told(one, R.FAILED)
    assert recovery.finish_alerts(NOW) == [], "it is not done: somebody else may try"
    for _ in range(2):
        carrier_blocks.settle_refusals(NOW)
    assert state(tom) == ("queued", "carrier-block")
    told(one, R.FAILED, R.ACCEPTED)
    assert state(tom) == ("queued", "carrier-block")
    again = sent_by_b(tom)
    assert (again.delivery_id, again.attempts) == (one.delivery_id, 1)
    told(one, R.FAILED, R.ACCEPTED)
    carrier_blocks.settle_refusals(NOW)
    assert state(tom) == ("accepted", None)
    told(one, R.DELIVERED, reference="SM2")
    assert state(tom) == ("delivered", None)
    assert sql("SELECT count(*) FROM batches WHERE state = 'waiting'") == [(0,)]
    assert recovery.finish_alerts(NOW) == [held.alert_id]
    assert not is_out()


@pytest.mark.parametrize("order", list(permutations([R.ACCEPTED, R.FAILED])))
def test_it_waits_until_the_worker_has_recorded_its_try(tom: Resident, order: tuple[R, ...]) -> None:
    alert_resolved()
    held = lease()
    one = claimed_of(tom, held)
    told(one, *order)
    carrier_blocks.settle_refusals(NOW)
    assert state(tom)[0] in ("sending", "accepted"), "the callback was quicker than the answer"
    accepted(one, "SM1")
    carrier_blocks.settle_refusals(NOW)
    assert state(tom)[0] == "accepted"
    leases.finish(held)
    carrier_blocks.settle_refusals(NOW)
    assert state(tom) == ("queued", "carrier-block")
    sent_by_b(tom)
    assert state(tom) == ("accepted", None)


def test_what_a_lost_worker_had_tried_is_taken_over(tom: Resident) -> None:
    alert_resolved()
    one = claimed_of(tom, lease())
    as_owner("UPDATE batches SET lease_until = now() - interval '1 second'")
    recovery.take_back_expired_leases()
    assert state(tom) == ("unknown", "worker-lost")
    told(one, R.FAILED)
    carrier_blocks.settle_refusals(NOW)
    sent_by_b(tom)
    assert state(tom) == ("accepted", None)


def test_a_worker_that_comes_to_itself_late_does_not_take_back_what_was_passed_on(tom: Resident) -> None:
    alert_resolved()
    one = claimed_of(tom, lease())
    as_owner("UPDATE batches SET lease_until = now() - interval '1 second'")
    recovery.take_back_expired_leases()
    told(one, R.FAILED)
    carrier_blocks.settle_refusals(NOW)
    accepted(one, "SM1")
    assert state(tom) == ("queued", "carrier-block"), "that try is known to have failed"
    again = (claims.claim(lease(), of(B), 10, NOW + timedelta(seconds=1)) or [])[0]
    accepted(one, "SM1")
    assert state(tom) == ("sending", None)
    assert sql("SELECT reference FROM deliveries") == [(None,)]
    accepted(again, "SM2")
    accepted(one, "SM1")
    assert sql("SELECT state::text, reference FROM deliveries") == [("accepted", "SM2")]


def over(alert: int) -> None:
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)


def nobody_free(_: int) -> None:
    with transaction() as s:
        senders.change(s, of(B), NOW, status="stopped")


@pytest.mark.parametrize("happens", [over, nobody_free])
def test_without_an_alert_or_a_sender_it_has_failed(tom: Resident, happens: Any) -> None:
    one, held = sent_by_a(tom)
    leases.finish(held)
    happens(held.alert_id)
    told(one, R.FAILED)
    carrier_blocks.settle_refusals(NOW)
    assert state(tom) == ("failed", "21610")
    assert sql("SELECT count(*) FROM batches WHERE state = 'waiting'") == [(0,)]


def test_a_paused_alert_goes_on_with_it_when_it_is_resumed(tom: Resident) -> None:
    one, held = sent_by_a(tom)
    leases.finish(held)
    with transaction() as s:
        lifecycle.pause(s, held.alert_id, operator(s), NOW)
    told(one, R.FAILED)
    carrier_blocks.settle_refusals(NOW)
    with transaction() as s:
        lifecycle.resume(s, held.alert_id, operator(s), NOW)
    sent_by_b(tom)
    assert state(tom) == ("accepted", None)


def test_after_a_restored_backup_it_may_have_been_sent_by_another_already(tom: Resident) -> None:
    one, held = sent_by_a(tom)
    leases.finish(held)
    told(one, R.FAILED)
    with transaction() as s:
        restoring.restored(s, NOW)
    carrier_blocks.settle_refusals(NOW)
    assert state(tom) == ("accepted", None)
    assert sql("SELECT count(*) FROM batches WHERE sender_id IS NOT NULL") == [(0,)]


def test_one_that_has_expired_is_not_tried_again(tom: Resident) -> None:
    one, held = sent_by_a(tom)
    leases.finish(held)
    told(one, R.FAILED)
    carrier_blocks.settle_refusals(NOW + timedelta(days=30))
    assert state(tom) == ("failed", "21610")


def test_a_new_stop_is_obeyed_and_nobody_tries_again(tom: Resident) -> None:
    says(tom, "START", minutes=3)
    one, held = sent_by_a(tom)
    leases.finish(held)
    told(one, R.FAILED)
    carrier_blocks.settle_refusals(NOW)
    assert is_out()
    assert state(tom) == ("failed", "21610")
    assert sql("SELECT count(*) FROM carrier_refusals") == [(0,)]


def test_one_that_the_database_refuses_keeps_no_other(tom: Resident) -> None:
    with transaction() as s:
        ann = resident(s)
    says(ann, "please stop texting me", minutes=11)
    says(ann, "START", to=B, minutes=12)
    alert_resolved()
    held = lease()
    claimed = {one.contact_id: one for one in claims.claim(held, of(A), 10, NOW) or []}
    for who, reference in ((tom, "SM1"), (ann, "SM2")):
        one = claimed[who.sms or 0]
        accepted(one, reference)
        told(one, R.FAILED, reference=reference)
    leases.finish(held)
    as_owner(
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF NEW.contact_id = {tom.sms} THEN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END IF;
              RETURN NEW; END $$""",
        "CREATE TRIGGER refuse BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    try:
        carrier_blocks.settle_refusals(NOW)
    finally:
        as_owner("DROP TRIGGER refuse ON deliveries", "DROP FUNCTION refuse()")
    assert state(tom) == ("accepted", None)
    assert state(ann) == ("queued", "carrier-block")
    assert sql("SELECT kind FROM alarms") == [("refused-row",)]
    carrier_blocks.settle_refusals(NOW)
    assert state(tom) == ("queued", "carrier-block")
