"""What is left over is taken up again, and every doorbell is heard."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.delivery import claims, delivery_rows, leases, reconcile, recording, recovery
from notify.delivery.outcomes import Outcome
from notify.delivery.recovery import Doorbell
from notify.delivery.transport import Transport
from notify.models import Lane
from notify.models.states import DeliveryState
from tests.database import sql
from tests.factories import alert_ready, operator, zone
from tests.notify.conftest import Providers
from tests.notify.delivery.leftovers import NOW, claimed_by_a_worker_that_died, resolved, states, unsettled


def test_a_dead_workers_claims_become_unknown_and_its_batch_waits(database: str) -> None:
    resolved()
    batch = claimed_by_a_worker_that_died()
    assert recovery.take_back_expired_leases() == 1
    assert states() == ["unknown", "unknown"]
    assert sql("SELECT state, lease FROM batches")[0] == ("waiting", None)
    held = leases.lease(batch, 60)
    assert held is not None
    assert claims.claim(held, 1, 10, NOW) is None, "nothing unknown is sent again blindly"


def test_a_lease_that_is_held_is_left_alone(database: str) -> None:
    resolved()
    leases.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert recovery.take_back_expired_leases() == 0


def unheard(*, wiped: bool = False, idle: Sequence[Lane] = ()) -> list[int]:
    return [bell.id for bell in recovery.unsettled_batches(20, wiped=wiped, idle=idle)]


def test_an_unsettled_batch_is_looked_at_when_the_provider_should_know(database: str) -> None:
    resolved()
    batch = unsettled()
    sql("UPDATE deliveries SET claimed_at = now()")
    assert unheard() == []
    assert recovery.next_unsettled(Lane.EMERGENCY, "sms", 20) is None
    sql("UPDATE deliveries SET claimed_at = now() - interval '21 seconds'")
    assert recovery.unsettled_batches(20, wiped=False, idle=[]) == [Doorbell(batch, Lane.EMERGENCY)]
    assert recovery.next_unsettled(Lane.EMERGENCY, "sms", 20) == batch
    assert recovery.next_unsettled(Lane.ROUTINE, "sms", 20) is None
    assert recovery.next_unsettled(Lane.EMERGENCY, "email", 20) is None


def test_an_unsettled_batch_is_rung_once_and_again_only_when_that_was_lost(database: str) -> None:
    resolved()
    batch = unsettled()
    sql("UPDATE deliveries SET claimed_at = now() - interval '1 minute'")
    assert unheard() == [batch]
    recovery.note_rung([batch])
    assert unheard(idle=list(Lane)) == []
    sql("UPDATE batches SET rung_at = now() - interval '1 hour'")
    assert unheard(idle=[Lane.ROUTINE]) == [], "others are before it in the queue"
    assert unheard(idle=[Lane.EMERGENCY]) == [batch]
    assert unheard(wiped=True) == [batch]


def test_a_provider_that_gave_no_answer_is_asked_again_after_a_while(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved()
    batch = unsettled()
    sql("UPDATE deliveries SET claimed_at = now() - interval '1 minute'")
    recovery.note_rung([batch])
    providers.behave(twilio={"error_rate": [{"status": 500, "rate": 1.0, "on": "lookup"}]})
    reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert unheard(wiped=True, idle=list(Lane)) == []
    assert recovery.next_unsettled(Lane.EMERGENCY, "sms", 20) is None
    sql("UPDATE batches SET not_before = not_before - interval '20 seconds'")
    assert unheard() == [batch]


def test_whoever_waited_longest_is_reconciled_first(database: str) -> None:
    resolved()
    first = unsettled()
    sql("UPDATE deliveries SET claimed_at = now() - interval '1 minute'")
    copied = "alert_id, channel, language, lane, size, state"
    sql(f"INSERT INTO batches ({copied}, ordinal) SELECT {copied}, 7 FROM batches")
    second = int(sql("SELECT max(id) AS id FROM batches")[0].id)
    sql("UPDATE batches SET not_before = now() - interval '1 minute' WHERE id = :b", b=second)
    assert recovery.next_unsettled(Lane.EMERGENCY, "sms", 20) == second, f"{first} was asked for just now"


def test_doorbells_that_were_lost_are_rung_again(database: str) -> None:
    resolved()
    bell = Doorbell(sql("SELECT id FROM batches")[0].id, Lane.EMERGENCY)
    assert recovery.unrung_batches(wiped=False, idle=[]) == [bell]
    recovery.note_rung([bell.id])
    assert recovery.unrung_batches(wiped=False, idle=list(Lane)) == []
    assert recovery.unrung_batches(wiped=True, idle=[]) == [bell]
    sql("UPDATE batches SET rung_at = now() - interval '1 minute'")
    assert recovery.unrung_batches(wiped=False, idle=[Lane.ROUTINE]) == []
    assert recovery.unrung_batches(wiped=False, idle=[Lane.EMERGENCY]) == [bell]


def test_a_paused_alerts_batches_are_not_rung(database: str) -> None:
    alert = resolved()
    with transaction() as s:
        lifecycle.pause(s, alert, operator(s), NOW)
    assert recovery.unrung_batches(wiped=True, idle=list(Lane)) == []


def test_an_alert_is_sent_when_nothing_is_left(database: str) -> None:
    alert = resolved()
    assert recovery.finish_alerts(NOW) == []
    held = leases.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    claimed = claims.claim(held, sql("SELECT id FROM senders")[0].id, 10, NOW) or []
    recording.record([Outcome(c.delivery_id, DeliveryState.ACCEPTED) for c in claimed], NOW, NOW)
    leases.finish(held)
    assert recovery.finish_alerts(NOW) == [alert]
    assert recovery.finish_alerts(NOW) == []


def test_an_unresolved_alert_is_found(database: str) -> None:
    with transaction() as s:
        zone(s, now=NOW)
        alert = alert_ready(s, now=NOW)
        lifecycle.launch(s, alert.id, operator(s), NOW)
    assert recovery.unresolved_alerts(NOW + timedelta(seconds=1)) == []
    assert recovery.unresolved_alerts(NOW + timedelta(seconds=3)) == [Doorbell(alert.id, Lane.EMERGENCY)]


def test_what_comes_back_to_the_queue_of_an_ended_alert_is_ended_too(database: str) -> None:
    alert = resolved()
    held = leases.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    claimed = claims.claim(held, sql("SELECT id FROM senders")[0].id, 10, NOW) or []
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)
    recording.record([Outcome(c.delivery_id, DeliveryState.QUEUED) for c in claimed], NOW, NOW)
    leases.finish(held)
    recovery.end_leftovers(datetime.now(UTC))
    assert states() == ["cancelled", "cancelled"]
    assert sql("SELECT state FROM batches")[0].state == "done"


def test_a_cancel_asks_about_what_was_claimed_and_never_recorded(database: str) -> None:
    """The claim was made, and its answer was lost on the way back."""
    alert = resolved()
    held = leases.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    assert claims.claim(held, sql("SELECT id FROM senders")[0].id, 1, NOW)
    leases.finish(held)
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)
    recovery.end_leftovers(NOW)
    assert (states(), sql("SELECT state FROM batches")[0].state) == (["sending", "cancelled"], "unsettled")


def test_a_cancel_stops_all_claims_before_what_is_queued_is_closed(database: str) -> None:
    alert = resolved(people=50)
    held = leases.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)
    assert set(states()) == {"queued"}
    assert claims.claim(held, sql("SELECT id FROM senders")[0].id, 10, NOW) is None
    leases.finish(held)
    recovery.end_leftovers(NOW)
    assert set(states()) == {"cancelled"}


def test_all_batches_of_an_ended_alert_are_closed(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_rows, "BATCH_S", 0.01)  # a message each
    alert = resolved(people=recovery.END_AT_ONCE + 5)
    assert len(sql("SELECT id FROM batches")) > recovery.END_AT_ONCE
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)
    recovery.end_leftovers(NOW)
    assert set(states()) == {"cancelled"}
    assert {row.state for row in sql("SELECT state FROM batches")} == {"done"}
