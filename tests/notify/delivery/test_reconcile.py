"""Nothing whose outcome is unknown is sent again blindly: the provider is asked, else the lane decides."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.channels.contract import Accepted, Message
from notify.channels.twilio.adapter import TwilioSms
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import claims, leases, reconcile, recovery
from notify.delivery.recovery import Doorbell
from notify.delivery.transport import Transport
from notify.models import Lane
from tests.database import sql
from tests.factories import alert_resolved, operator, sender, zone
from tests.notify.conftest import Providers
from tests.notify.delivery.leftovers import NOW, claimed_by_a_worker_that_died, give_back, resolved, states, unsettled
from tests.owner import as_owner
from tests.waiting import until


def test_a_provider_that_has_the_message_is_believed(database: str, providers: Providers, transport: Transport) -> None:
    resolved()
    batch = claimed_by_a_worker_that_died(posting_by=transport)
    give_back(batch)
    reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert states() == ["accepted", "accepted"]
    references = {row.reference for row in sql("SELECT reference FROM deliveries")}
    assert references == {message["id"] for message in providers.received()}


@pytest.mark.parametrize(("settled", "state"), [("now()", "queued"), ("NULL", "accepted")])
def test_a_try_that_the_carrier_refused_is_not_taken_for_the_next_one(
    database: str, providers: Providers, transport: Transport, settled: str, state: str
) -> None:
    """The provider lists both; while nobody has decided about the first (`carrier_blocks`) it is all that there is."""
    resolved()
    batch = claimed_by_a_worker_that_died(posting_by=transport)
    give_back(batch)
    as_owner(
        *(
            f"""INSERT INTO carrier_refusals (delivery_id, reference, code, told_at, settled_at)
                VALUES ({row.id}, '{message["id"]}', '21610', now(), {settled})"""
            for row in sql("SELECT id FROM deliveries")
            for message in providers.received()
        )
    )
    reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert states() == [state, state]


def test_what_the_provider_never_got_is_queued_again(database: str, providers: Providers, transport: Transport) -> None:
    resolved()
    batch = unsettled()
    reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert states() == ["queued", "queued"]


def test_a_provider_that_gives_no_answer_leaves_it_unknown(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved()
    batch = unsettled()
    providers.behave(twilio={"error_rate": [{"status": 500, "rate": 1.0, "on": "lookup"}]})
    reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert states() == ["unknown", "unknown"]
    assert sql("SELECT state FROM batches")[0].state == "unsettled"


@pytest.mark.parametrize(("event", "state"), [("storm", "queued"), ("snow", "failed")])
def test_where_the_provider_cannot_be_asked_the_lane_decides(
    database: str, providers: Providers, transport: Transport, event: str, state: str
) -> None:
    resolved(event, "email")
    batch = unsettled()
    reconcile.reconcile_batch(batch, providers.settings(), transport)
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
        lifecycle.cancel(s, alert, operator(s), NOW)
    reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert [(row.state, row.reason) for row in sql("SELECT state, reason FROM deliveries")] == [("failed", why)] * 2
    assert sql("SELECT state FROM batches")[0].state == "done"


def test_what_the_provider_never_got_is_tried_however_often_it_was(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved()
    batch = unsettled()
    sql("UPDATE deliveries SET attempts = 40")
    reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert states() == ["queued", "queued"]


def test_a_claim_by_a_host_whose_clock_is_wrong_is_found_all_the_same(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        batch = claimed_by_a_worker_that_died(posting_by=transport)
        give_back(batch)
        sql("UPDATE deliveries SET claimed_at = claimed_at - interval '21 seconds'")
        assert recovery.unsettled_batches(20, wiped=False, idle=[]) == [Doorbell(batch, Lane.EMERGENCY)]
        reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert states() == ["accepted", "accepted"]


@pytest.mark.parametrize(("minutes", "state"), [(40, "queued"), (70, "failed")])
def test_a_post_is_repeated_only_while_the_provider_would_know_it_again(
    database: str, providers: Providers, transport: Transport, minutes: int, state: str
) -> None:
    with transaction() as s:
        zone(s, now=NOW)
        sender(s, "mastodon")
    alert_resolved(event="snow", channels=("social",), now=NOW)
    batch = unsettled()
    sql("UPDATE deliveries SET claimed_at = now() - make_interval(mins => :m)", m=minutes)
    reconcile.reconcile_batch(batch, providers.settings(), transport)
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


def test_a_batch_is_not_reconciled_by_two_at_once(database: str) -> None:
    """Several were told of it before any had taken it: one asks, the others go, and nobody else is sent there."""
    resolved(people=1)
    batch, slow = unsettled(), SlowList()
    sql("UPDATE deliveries SET claimed_at = now() - interval '1 minute'")
    assert recovery.next_unsettled(Lane.EMERGENCY, "sms", 20) == batch
    with ThreadPoolExecutor(4) as runners:
        with transaction() as s:
            s.execute(text("UPDATE batches SET rung_at = NULL"))
            reconcilers = [runners.submit(reconcile.reconcile_batch, batch, settings(), slow) for _ in range(4)]  # type: ignore[arg-type]
            until(lambda: waiting_for_a_lock() == 4, 60, "all want it")
        try:
            until(lambda: sum(reconciler.done() for reconciler in reconcilers) == 3, 60, "all but one have gone")
            until(lambda: slow.asked == 1, 60, "that one asks")
            assert recovery.next_unsettled(Lane.EMERGENCY, "sms", 20) is None
            assert recovery.unsettled_batches(20, wiped=True, idle=list(Lane)) == []
        finally:
            slow.first.set_result(None)
    assert [reconciler.exception() for reconciler in reconcilers] == [None] * 4
    assert (slow.asked, states()) == (1, ["queued"])


def waiting_for_a_lock() -> int:
    asked = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return int(sql(asked)[0].n)


def test_an_old_answer_of_the_provider_does_not_requeue_what_is_on_its_way(database: str) -> None:
    resolved(people=1)
    batch, slow = unsettled(), SlowList()
    overtaken = threading.Thread(target=reconcile.reconcile_batch, args=(batch, settings(), slow))
    overtaken.start()
    until(lambda: slow.asked, 60, "it has asked")
    sql("UPDATE batches SET lease_until = now() - interval '1 second'")
    give_back(batch)
    reconcile.reconcile_batch(batch, settings(), slow)  # type: ignore[arg-type]
    sql("UPDATE batches SET not_before = NULL")
    held = leases.lease(batch, 60)
    assert held is not None
    assert claims.claim(held, sql("SELECT id FROM senders")[0].id, 10, held.now())
    slow.first.set_result(None)
    overtaken.join()
    assert states() == ["sending"]


def test_who_clears_up_holds_the_batch_for_as_long_as_it_takes(
    database: str, providers: Providers, transport: Transport
) -> None:
    resolved(people=12)
    batch = unsettled()
    providers.behave(twilio={"latency_ms": 500})
    asking = threading.Thread(
        target=reconcile.reconcile_batch,
        args=(batch, providers.settings().model_copy(update={"lease_s": 9.0}), _OneByOne(transport)),
    )
    asking.start()
    while asking.is_alive():
        assert recovery.take_back_expired_leases() == 0
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
    reconcile.reconcile_batch(batch, providers.settings(), broken)  # type: ignore[arg-type]
    assert states() == ["unknown", "queued"]


@pytest.mark.parametrize("damage", ["NULL", "set_byte(address_sealed, 20, 255 - get_byte(address_sealed, 20))"])
@pytest.mark.parametrize(
    ("over", "then"), [(False, ["unknown", "queued", "queued"]), (True, ["failed", "failed", "failed"])]
)
def test_an_address_that_is_gone_holds_up_nobody_and_ends_with_its_alert(
    database: str, providers: Providers, transport: Transport, damage: str, over: bool, then: list[str]
) -> None:
    alert = resolved(people=3)
    batch = unsettled()
    sql(f"UPDATE contacts SET address_sealed = {damage} WHERE id = (SELECT min(contact_id) FROM deliveries)")
    if over:
        with transaction() as s:
            lifecycle.cancel(s, alert, operator(s), NOW)
    reconcile.reconcile_batch(batch, providers.settings(), transport)
    assert states() == then
