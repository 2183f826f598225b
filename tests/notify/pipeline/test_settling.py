"""What is left over is taken up again, and nothing is sent again blindly."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import text

from notify import alerts
from notify.channels.contract import Accepted, Message
from notify.channels.twilio import TwilioSms
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
from tests.waiting import until


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
    batch = int(sql("SELECT id FROM batches ORDER BY id")[0].id)
    held = records.lease(batch, 60)
    assert held is not None
    provider = {"sms": "twilio", "email": "sendgrid", "social": "mastodon"}[held.channel]
    with transaction() as s:
        account = sender(s, provider)
    claimed = records.claim(held, account.id, 100, held.now())
    assert claimed
    if posting_by is not None:
        words = sending.content(held, settings())
        opened, _ = sending.recipients(claimed, held, settings())
        posts = [sending.message(words, account.address, [one], settings(), None) for one in opened]
        posted = posting_by.post(provider, posts, [time.monotonic()] * len(posts))
        assert all(isinstance(p.answer, Accepted) for p in posted)
    sql("UPDATE batches SET lease_until = now() - interval '1 second' WHERE id = :b", b=batch)
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


@pytest.mark.parametrize(("channel", "why"), [("sms", "not-sent"), ("email", "outcome-unknown")])
def test_nothing_unknown_is_sent_again_after_a_cancel(
    database: str, providers: Providers, transport: Transport, channel: str, why: str
) -> None:
    """And only of a provider that was asked the report says that it never got it."""
    alert = resolved(channel=channel)
    batch = unsettled()
    with transaction() as s:
        alerts.cancel(s, alert, operator(s), NOW)
    settling.clear_up(batch, providers.settings(), transport)
    assert [(row.state, row.reason) for row in sql("SELECT state, reason FROM deliveries")] == [("failed", why)] * 2
    assert sql("SELECT state FROM batches")[0].state == "done"


def test_what_the_provider_never_got_is_tried_however_often_it_was(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved()
    batch = unsettled()
    sql("UPDATE deliveries SET attempts = 40")
    settling.clear_up(batch, providers.settings(), transport)
    assert states() == ["queued", "queued"]


def test_a_claim_by_a_host_whose_clock_is_wrong_is_found_all_the_same(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        batch = claimed_by_a_worker_that_died(posting_by=transport)
        give_back(batch)
        sql("UPDATE deliveries SET claimed_at = claimed_at - interval '21 seconds'")
        assert settling.unsettled_batches(20, wiped=False, idle=[]) == [Doorbell(batch, Lane.EMERGENCY)]
        settling.clear_up(batch, providers.settings(), transport)
    assert states() == ["accepted", "accepted"]


@pytest.mark.parametrize(("minutes", "state"), [(40, "queued"), (70, "failed")])
def test_a_post_is_repeated_only_while_the_provider_would_know_it_again(
    database: str, providers: Providers, transport: Transport, minutes: int, state: str
) -> None:
    with transaction() as s:
        zone(s)
        sender(s, "mastodon")
        alert = alert_ready(s, event="snow", channels=("social",))
        alerts.launch(s, alert.id, operator(s), NOW)
    for _ in fanout.resolve(alert.id, NOW):
        pass
    batch = unsettled()
    sql("UPDATE deliveries SET claimed_at = now() - make_interval(mins => :m)", m=minutes)
    settling.clear_up(batch, providers.settings(), transport)
    assert [row.state for row in sql("SELECT state FROM deliveries WHERE batch_id = :b", b=batch)] == [state]


class SlowList:
    """A provider that never heard of anything; its answer to the first question comes when it is let."""

    def __init__(self) -> None:
        self.first: Future[Accepted | None] = Future()
        self.asked = 0

    def adapter(self, provider: str) -> type[TwilioSms]:
        return TwilioSms

    def find(self, provider: str, message: Message, since_s: float) -> "Future[Accepted | None]":
        self.asked += 1
        if self.asked == 1:
            return self.first
        answer: Future[Accepted | None] = Future()
        answer.set_result(None)
        return answer


def test_an_old_answer_of_the_provider_does_not_requeue_what_is_on_its_way(database: str) -> None:
    resolved(people=1)
    batch, slow = unsettled(), SlowList()
    overtaken = threading.Thread(target=settling.clear_up, args=(batch, settings(), slow))
    overtaken.start()
    until(lambda: slow.asked, 10, "it has asked")
    sql("UPDATE batches SET lease_until = now() - interval '1 second'")
    give_back(batch)
    settling.clear_up(batch, settings(), slow)  # type: ignore[arg-type]
    sql("UPDATE batches SET not_before = NULL")
    held = records.lease(batch, 60)
    assert held is not None
    assert records.claim(held, sql("SELECT id FROM senders")[0].id, 10, held.now())
    slow.first.set_result(None)
    overtaken.join()
    assert states() == ["sending"]


def test_who_clears_up_holds_the_batch_for_as_long_as_it_takes(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved(people=12)
    batch = unsettled()
    providers.behave(twilio={"latency_ms": 400})
    clearing = threading.Thread(
        target=settling.clear_up,
        args=(batch, providers.settings().model_copy(update={"lease_s": 1.0}), _OneByOne(transport)),
    )
    clearing.start()
    while clearing.is_alive():
        assert settling.take_back_expired_leases() == 0
    assert states() == ["queued"] * 12


class _OneByOne:
    """A transport whose questions wait for each other."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._line = ThreadPoolExecutor(1)

    def adapter(self, provider: str) -> Any:
        return self._transport.adapter(provider)

    def find(self, provider: str, message: Message, since_s: float) -> "Future[Accepted | None]":
        return self._line.submit(lambda: self._transport.find(provider, message, since_s).result())


def test_a_defect_in_an_adapter_keeps_nobody_else_unknown(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved()
    batch, broken = unsettled(), SlowList()
    broken.first.set_exception(ZeroDivisionError())
    settling.clear_up(batch, providers.settings(), broken)  # type: ignore[arg-type]
    assert states() == ["unknown", "queued"]


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
    assert sql("SELECT state FROM batches WHERE id = :b", b=batch)[0].state == "unsettled"


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
    records.record([Outcome(c.delivery_id, DeliveryState.ACCEPTED) for c in claimed], NOW, NOW)
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
    records.record([Outcome(c.delivery_id, DeliveryState.QUEUED) for c in claimed], NOW, NOW)
    records.finish(held)
    settling.end_leftovers(datetime.now(UTC))
    assert states() == ["cancelled", "cancelled"]
    assert sql("SELECT state FROM batches")[0].state == "done"


def test_a_cancel_asks_about_what_was_claimed_and_never_recorded(database: str) -> None:
    """The claim was made, and its answer was lost on the way back."""
    alert = resolved()
    held = records.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    assert records.claim(held, sql("SELECT id FROM senders")[0].id, 1, NOW)
    records.finish(held)
    with transaction() as s:
        alerts.cancel(s, alert, operator(s), NOW)
    settling.end_leftovers(NOW)
    assert (states(), sql("SELECT state FROM batches")[0].state) == (["sending", "cancelled"], "unsettled")


def test_a_cancel_stops_all_claims_before_what_is_queued_is_closed(database: str) -> None:
    alert = resolved(people=50)
    held = records.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    with transaction() as s:
        alerts.cancel(s, alert, operator(s), NOW)
    assert set(states()) == {"queued"}
    assert records.claim(held, sql("SELECT id FROM senders")[0].id, 10, NOW) is None
    records.finish(held)
    settling.end_leftovers(NOW)
    assert set(states()) == {"cancelled"}


def test_all_batches_of_an_ended_alert_are_closed(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "BATCH_S", 0.01)  # a message each
    alert = resolved(people=settling.END_AT_ONCE + 5)
    assert len(sql("SELECT id FROM batches")) > settling.END_AT_ONCE
    with transaction() as s:
        alerts.cancel(s, alert, operator(s), NOW)
    settling.end_leftovers(NOW)
    assert set(states()) == {"cancelled"}
    assert {row.state for row in sql("SELECT state FROM batches")} == {"done"}
