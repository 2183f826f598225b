"""What is left over is taken up again, and nothing is sent again blindly."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notify import alerts
from notify.channels.contract import Accepted
from notify.db import transaction
from notify.models import Lane
from notify.models.states import DeliveryState
from notify.pipeline import fanout, records, sending, settling
from notify.pipeline.settling import Doorbell
from notify.pipeline.transport import Transport
from notify.pipeline.verdicts import Outcome
from notify.settings import settings
from tests.factories import NOW, alert_ready, operator, resident, sender, zone
from tests.notify.pipeline.conftest import Providers


def sql(statement: str, **values: Any) -> list[Any]:
    with transaction() as s:
        result = s.execute(text(statement), values)
        return list(result) if result.returns_rows else []


def resolved(event: str = "storm", channel: str = "sms", people: int = 2) -> int:
    with transaction() as s:
        zone(s)
        for _ in range(people):
            resident(
                s, topics=(event,), phone="" if channel == "sms" else None, email="" if channel == "email" else None
            )
        alert = alert_ready(s, event=event, channels=(channel,))
        alerts.launch(s, alert.id, operator(s), NOW)
    for _ in fanout.resolve(alert.id, NOW):
        pass
    return alert.id


def claimed_by_a_worker_that_died(posting_by: Transport | None = None) -> int:
    """Claims all of the only batch, posts it perhaps, and lets its lease run out; returns the batch."""
    batch = int(sql("SELECT id FROM batches")[0].id)
    held = records.lease(batch, 60)
    assert held is not None
    provider = {"sms": "twilio", "email": "sendgrid", "social": "mastodon"}[held.channel]
    with transaction() as s:
        account = sender(s, provider)
    claimed = records.claim(held, account.id, 10, datetime.now(UTC))
    assert claimed
    if posting_by is not None:
        words = sending.content(held, settings())
        posts = [sending.message(words, account.address, [c], settings(), held, NOW) for c in claimed]
        posted = posting_by.post(provider, posts, [time.monotonic()] * len(posts))
        assert all(isinstance(p.answer, Accepted) for p in posted)
    sql("UPDATE batches SET lease_until = now() - interval '1 second'")
    return batch


def states() -> list[str]:
    return [row.state for row in sql("SELECT state FROM deliveries ORDER BY id")]


def test_a_dead_workers_claims_become_unknown_and_its_batch_waits(database: str) -> None:
    resolved()
    batch = claimed_by_a_worker_that_died()
    assert settling.take_back_expired_leases() == 1
    assert states() == ["unknown", "unknown"]
    assert sql("SELECT state, lease FROM batches")[0] == ("waiting", None)
    held = records.lease(batch, 60)
    assert held is not None
    assert records.claim(held, 1, 10, NOW) is None, "nothing unknown is sent again blindly"


def test_a_lease_that_is_held_is_left_alone(database: str) -> None:
    resolved()
    records.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert settling.take_back_expired_leases() == 0


def test_a_provider_that_has_the_message_is_believed(database: str, providers: Providers, transport: Transport) -> None:
    resolved()
    batch = claimed_by_a_worker_that_died(posting_by=transport)
    give_back(batch)
    settling.clear_up(batch, providers.settings(), transport)
    assert states() == ["accepted", "accepted"]
    references = {row.reference for row in sql("SELECT reference FROM deliveries")}
    assert references == {message["id"] for message in providers.received()}


def test_what_the_provider_never_got_is_queued_again(database: str, providers: Providers, transport: Transport) -> None:
    resolved()
    batch = unsettled()
    settling.clear_up(batch, providers.settings(), transport)
    assert states() == ["queued", "queued"]


def test_a_provider_that_gives_no_answer_leaves_it_unknown(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved()
    batch = unsettled()
    providers.behave(twilio={"error_rate": [{"status": 500, "rate": 1.0, "on": "lookup"}]})
    settling.clear_up(batch, providers.settings(), transport)
    assert states() == ["unknown", "unknown"]
    assert sql("SELECT state FROM batches")[0].state == "unsettled"


@pytest.mark.parametrize(("event", "state"), [("storm", "queued"), ("snow", "failed")])
def test_where_the_provider_cannot_be_asked_the_lane_decides(
    database: str, providers: Providers, transport: Transport, event: str, state: str
) -> None:
    resolved(event, "email")
    batch = unsettled()
    settling.clear_up(batch, providers.settings(), transport)
    assert states() == [state, state]
    again = sql("SELECT detail FROM audit WHERE subject = 'alert' AND action = 'sent-again'")
    assert [row.detail for row in again] == ([{"count": 2}] if event == "storm" else [])


def test_nothing_unknown_is_sent_again_after_a_cancel(
    database: str, providers: Providers, transport: Transport
) -> None:
    alert = resolved()
    batch = unsettled()
    with transaction() as s:
        alerts.cancel(s, alert, operator(s), NOW)
    settling.clear_up(batch, providers.settings(), transport)
    assert states() == ["failed", "failed"]
    assert sql("SELECT state FROM batches")[0].state == "done"


def unsettled() -> int:
    batch = claimed_by_a_worker_that_died()
    give_back(batch)
    return batch


def give_back(batch: int) -> None:
    """The sweep takes the batch back, and another worker finds nothing left to send in it."""
    settling.take_back_expired_leases()
    held = records.lease(batch, 60)
    assert held is not None
    records.finish(held)
    assert sql("SELECT state FROM batches")[0].state == "unsettled"


def unheard(*, wiped: bool = False, idle: Sequence[Lane] = ()) -> list[int]:
    return [bell.id for bell in settling.unsettled_batches(20, wiped=wiped, idle=idle)]


def test_an_unsettled_batch_is_looked_at_when_the_provider_should_know(database: str) -> None:
    resolved()
    batch = unsettled()
    sql("UPDATE deliveries SET claimed_at = now()")
    assert unheard() == []
    assert settling.next_unsettled(Lane.EMERGENCY, "sms", 20) is None
    sql("UPDATE deliveries SET claimed_at = now() - interval '21 seconds'")
    assert settling.unsettled_batches(20, wiped=False, idle=[]) == [Doorbell(batch, Lane.EMERGENCY)]
    assert settling.next_unsettled(Lane.EMERGENCY, "sms", 20) == batch
    assert settling.next_unsettled(Lane.ROUTINE, "sms", 20) is None
    assert settling.next_unsettled(Lane.EMERGENCY, "email", 20) is None


def test_an_unsettled_batch_is_rung_once_and_again_only_when_that_was_lost(database: str) -> None:
    resolved()
    batch = unsettled()
    sql("UPDATE deliveries SET claimed_at = now() - interval '1 minute'")
    assert unheard() == [batch]
    settling.note_rung([batch])
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
    settling.note_rung([batch])
    providers.behave(twilio={"error_rate": [{"status": 500, "rate": 1.0, "on": "lookup"}]})
    settling.clear_up(batch, providers.settings(), transport)
    assert unheard(wiped=True, idle=list(Lane)) == []
    assert settling.next_unsettled(Lane.EMERGENCY, "sms", 20) is None
    sql("UPDATE batches SET not_before = not_before - interval '20 seconds'")
    assert unheard() == [batch]


def test_whoever_waited_longest_is_cleared_up_first(database: str) -> None:
    resolved()
    first = unsettled()
    sql("UPDATE deliveries SET claimed_at = now() - interval '1 minute'")
    copied = "alert_id, channel, language, lane, size, state"
    sql(f"INSERT INTO batches ({copied}, ordinal) SELECT {copied}, 7 FROM batches")
    second = int(sql("SELECT max(id) AS id FROM batches")[0].id)
    sql("UPDATE batches SET not_before = now() - interval '1 minute' WHERE id = :b", b=second)
    assert settling.next_unsettled(Lane.EMERGENCY, "sms", 20) == second, f"{first} was asked for just now"


def test_doorbells_that_were_lost_are_rung_again(database: str) -> None:
    resolved()
    bell = Doorbell(sql("SELECT id FROM batches")[0].id, Lane.EMERGENCY)
    assert settling.unrung_batches(wiped=False, idle=[]) == [bell]
    settling.note_rung([bell.id])
    assert settling.unrung_batches(wiped=False, idle=list(Lane)) == []
    assert settling.unrung_batches(wiped=True, idle=[]) == [bell]
    sql("UPDATE batches SET rung_at = now() - interval '1 minute'")
    assert settling.unrung_batches(wiped=False, idle=[Lane.ROUTINE]) == []
    assert settling.unrung_batches(wiped=False, idle=[Lane.EMERGENCY]) == [bell]


def test_a_paused_alerts_batches_are_not_rung(database: str) -> None:
    alert = resolved()
    with transaction() as s:
        alerts.pause(s, alert, operator(s), NOW)
    assert settling.unrung_batches(wiped=True, idle=list(Lane)) == []


def test_an_alert_is_sent_when_nothing_is_left(database: str) -> None:
    alert = resolved()
    assert settling.finish_alerts(NOW) == []
    held = records.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    claimed = records.claim(held, sql("SELECT id FROM senders")[0].id, 10, NOW) or []
    records.record([Outcome(c.delivery_id, DeliveryState.ACCEPTED) for c in claimed], NOW)
    records.finish(held)
    assert settling.finish_alerts(NOW) == [alert]
    assert settling.finish_alerts(NOW) == []


def test_an_unresolved_alert_is_found(database: str) -> None:
    with transaction() as s:
        zone(s)
        alert = alert_ready(s)
        alerts.launch(s, alert.id, operator(s), NOW)
    assert settling.unresolved_alerts(NOW + timedelta(seconds=1)) == []
    assert settling.unresolved_alerts(NOW + timedelta(seconds=3)) == [Doorbell(alert.id, Lane.EMERGENCY)]


def test_what_comes_back_to_the_queue_of_an_ended_alert_is_ended_too(database: str) -> None:
    alert = resolved()
    held = records.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    claimed = records.claim(held, sql("SELECT id FROM senders")[0].id, 10, NOW) or []
    with transaction() as s:
        alerts.cancel(s, alert, operator(s), NOW)
    records.record([Outcome(c.delivery_id, DeliveryState.QUEUED) for c in claimed], NOW)
    records.finish(held)
    settling.end_leftovers(datetime.now(UTC))
    assert states() == ["cancelled", "cancelled"]
    assert sql("SELECT state FROM batches")[0].state == "done"
