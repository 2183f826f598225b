"""Leases, claims and records: who may send what, and what a claim looks at again."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.delivery import claims, leases, recording
from notify.delivery.claims import Claimed
from notify.delivery.leases import Lease
from notify.delivery.outcomes import Outcome
from notify.models import Contact, Lane, Preference, Suppression, Topic
from notify.models.states import DeliveryState
from tests.database import sql
from tests.factories import Resident, alert_resolved, operator, resident, sender, zone
from tests.waiting import until

D = DeliveryState
NOW = datetime.now(UTC)  # leases run on PostgreSQL's clock


@pytest.fixture
def people(database: str) -> list[Resident]:
    """Three residents of one zone, and a storm alert to them, resolved; its only batch waits."""
    with transaction() as s:
        zone(s, now=NOW)
        found = [resident(s, now=NOW) for _ in range(3)]
    alert_resolved(now=NOW)
    return found


def leased() -> Lease:
    held = leases.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    return held


def claim(held: Lease, most: int = 10, now: Any = NOW) -> list[Claimed] | None:
    with transaction() as s:
        sender_id = sender(s).id
    return claims.claim(held, sender_id, most, now)


def states() -> dict[int, tuple[str, str | None]]:
    return {row.contact_id: (row.state, row.reason) for row in sql("SELECT * FROM deliveries")}


def test_a_batch_has_one_worker(people: list[Resident]) -> None:
    held = leased()
    assert leases.lease(held.batch_id, 60) is None


def test_a_claim_takes_each_delivery_once_and_says_when_nothing_is_left(people: list[Resident]) -> None:
    held = leased()
    first, second = claim(held, 2), claim(held, 2)
    assert first is not None
    assert second is not None
    assert {c.contact_id for c in first + second} == {p.sms for p in people}
    assert claim(held) is None


def opt_out(s: Session, person: Resident) -> None:
    index = s.get_one(Contact, person.sms).address_index
    s.add(Suppression(channel="sms", address_index=index, reason="opt-out", at=NOW))


def leave_topic(s: Session, person: Resident) -> None:
    s.delete(s.get_one(Preference, (person.id, Topic.STORM)))


def withdraw(s: Session, person: Resident) -> None:
    s.get_one(Contact, person.sms).verified_at = None


@pytest.mark.parametrize(
    ("change", "reason"),
    [(opt_out, "opt-out"), (leave_topic, "not-subscribed"), (withdraw, "unverified")],
)
def test_who_changed_their_mind_after_the_launch_is_skipped(
    people: list[Resident], change: Callable[[Session, Resident], None], reason: str
) -> None:
    held = leased()
    with transaction() as s:
        change(s, people[1])
    claimed = claim(held)
    assert claimed is not None
    assert {c.contact_id for c in claimed} == {people[0].sms, people[2].sms}
    assert states()[people[1].sms or 0] == ("skipped", reason)


@pytest.mark.parametrize("step", [lifecycle.pause, lifecycle.cancel])
def test_nothing_is_claimed_of_an_alert_that_was_stopped(people: list[Resident], step: Any) -> None:
    held = leased()
    with transaction() as s:
        step(s, held.alert_id, operator(s), NOW)
    assert claim(held) is None


def test_nothing_is_claimed_after_the_expiry(people: list[Resident]) -> None:
    held = leased()
    assert claim(held, now=held.expires_at) is None
    assert claim(held, now=held.expires_at - timedelta(seconds=leases.LAST_S)) is None
    assert claim(held, now=held.expires_at - timedelta(seconds=leases.LAST_S + 0.1))


def test_a_batch_of_an_alert_that_is_about_to_expire_is_not_taken(
    people: list[Resident], monkeypatch: pytest.MonkeyPatch
) -> None:
    (left,) = sql("SELECT extract(epoch FROM expires_at - now())::float8 AS seconds FROM alerts")
    monkeypatch.setattr(leases, "LAST_S", left.seconds)
    assert leases.lease_next(Lane.EMERGENCY, "sms", 60) is None
    monkeypatch.setattr(leases, "LAST_S", left.seconds - 60)
    assert leases.lease_next(Lane.EMERGENCY, "sms", 60) is not None


def test_nothing_is_claimed_under_a_lease_that_has_run_out(people: list[Resident]) -> None:
    held = leased()
    sql("UPDATE batches SET lease_until = now() - interval '1 second'")
    assert claim(held) is None
    assert not leases.renew(held, 60)


def test_outcomes_are_recorded_and_the_batch_goes_on(people: list[Resident]) -> None:
    held = leased()
    one, two, three = claim(held) or []
    recording.record(
        [
            Outcome(one.delivery_id, D.ACCEPTED, reference="SM1", sent_at=NOW),
            Outcome(two.delivery_id, D.QUEUED, counts=False),
            Outcome(three.delivery_id, D.UNKNOWN, "timeout"),
        ],
        NOW,
        NOW,
    )
    assert states() == {
        one.contact_id: ("accepted", None),
        two.contact_id: ("queued", None),
        three.contact_id: ("unknown", "timeout"),
    }
    assert {row.attempts for row in sql("SELECT attempts FROM deliveries WHERE state = 'queued'")} == {0}
    leases.finish(held)
    assert sql("SELECT state FROM batches")[0].state == "waiting"


@pytest.mark.parametrize(
    ("outcome", "batch"), [(D.ACCEPTED, "done"), (D.UNKNOWN, "unsettled"), (D.FAILED, "done"), (D.QUEUED, "waiting")]
)
def test_a_finished_batch_is_what_its_deliveries_are(people: list[Resident], outcome: D, batch: str) -> None:
    held = leased()
    reason = None if outcome in (D.ACCEPTED, D.QUEUED) else "why"
    recording.record([Outcome(c.delivery_id, outcome, reason) for c in claim(held) or []], NOW, NOW)
    leases.finish(held)
    assert sql("SELECT state FROM batches")[0].state == batch


def test_an_answer_that_comes_after_its_receipt_changes_no_state(people: list[Resident]) -> None:
    held = leased()
    one, *_ = claim(held) or []
    sql("UPDATE deliveries SET state = 'delivered' WHERE id = :id", id=one.delivery_id)
    recording.record([Outcome(one.delivery_id, D.ACCEPTED, reference="SM1", sent_at=NOW)], NOW, NOW)
    row = sql("SELECT * FROM deliveries WHERE id = :id", id=one.delivery_id)[0]
    assert (row.state, row.reference, row.sent_at) == ("delivered", "SM1", NOW)


def test_an_answer_of_a_worker_that_was_given_up_for_dead_keeps_the_message_from_going_out_twice(
    people: list[Resident],
) -> None:
    held = leased()
    claimed = claim(held)
    assert claimed
    sql("UPDATE deliveries SET state = 'queued', reason = 'sent-again'")  # as if nobody would ever know
    recording.record([Outcome(one.delivery_id, D.ACCEPTED, reference="SM1", sent_at=NOW) for one in claimed], NOW, NOW)
    assert {state for state, _ in states().values()} == {"accepted"}
    assert claim(held) is None


def test_a_recipient_that_the_provider_refuses_for_good_is_suppressed(people: list[Resident]) -> None:
    held = leased()
    one, *_ = claim(held) or []
    recording.record([Outcome(one.delivery_id, D.FAILED, "21211", suppress="invalid")], NOW, NOW)
    found = sql("SELECT c.id, s.reason FROM suppressions s JOIN contacts c USING (channel, address_index)")
    assert found == [(one.contact_id, "invalid")]


@pytest.mark.parametrize(("late", "why"), [(D.QUEUED, None), (D.UNKNOWN, "timeout"), (D.FAILED, "30005")])
def test_who_was_overtaken_moves_nothing_that_another_is_sending(
    people: list[Resident], late: D, why: str | None
) -> None:
    held = leased()
    one, *_ = claim(held) or []
    sql("UPDATE deliveries SET state = 'queued'")  # it was given up for dead, and the provider had not heard of it
    anew, *_ = claim(held, now=NOW + timedelta(minutes=1)) or []
    assert anew.delivery_id == one.delivery_id
    recording.record([Outcome(one.delivery_id, late, why, counts=False)], one.claimed_at, NOW)
    assert states()[one.contact_id] == ("sending", None)
    recording.record([Outcome(anew.delivery_id, late, why, counts=False)], anew.claimed_at, NOW)
    assert states()[one.contact_id] == (late.value, why)


def test_an_outcome_that_is_recorded_twice_counts_once(people: list[Resident]) -> None:
    held = leased()
    one, *_ = claim(held) or []
    for _ in range(2):
        recording.record([Outcome(one.delivery_id, D.QUEUED, counts=False)], NOW, NOW)
    assert sql("SELECT attempts FROM deliveries WHERE id = :id", id=one.delivery_id)[0].attempts == 0


def test_a_leases_clock_is_that_of_postgresql(people: list[Resident]) -> None:
    asked_s = time.monotonic()
    held = leased()
    error = timedelta(seconds=time.monotonic() - asked_s)  # of the way back from the lease, which is a part of this
    before = sql("SELECT clock_timestamp() AS now")[0].now
    read = held.now()
    after = sql("SELECT clock_timestamp() AS now")[0].now
    assert before - error <= read <= after + error


@pytest.mark.parametrize("lease", ["lease", "lease_next"])
def test_a_doorbell_is_heard_also_while_somebody_notes_that_it_rang(people: list[Resident], lease: str) -> None:
    """It would not be rung again for seconds."""
    batch = sql("SELECT id FROM batches")[0].id
    asked = {
        "lease": lambda: leases.lease(batch, 60),
        "lease_next": lambda: leases.lease_next(Lane.EMERGENCY, "sms", 60),
    }
    with ThreadPoolExecutor(1) as worker:
        with transaction() as s:
            s.execute(text("UPDATE batches SET rung_at = now()"))
            held = worker.submit(asked[lease])
            until(lambda: held.done() or waits_for_a_lock(), 60, "it was asked for")
        assert held.result(60) is not None


def waits_for_a_lock() -> bool:
    return bool(sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))
