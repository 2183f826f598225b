"""Several senders of a channel: each window goes to the one that can take it soonest."""

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from statistics import median
from typing import Any

import pytest
import redis as redis_client

from notify.channels.contract import Late
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.delivery import delivery_rows, senders
from notify.delivery.breaker import FAULTS, MICRO
from notify.delivery.throttle import Allowance, Grant, Throttle
from notify.delivery.transport import Posted, Transport
from notify.delivery.worker_slots import WorkerSlots
from notify.models import Lane
from tests.notify.conftest import Providers
from tests.notify.delivery.test_send_batch import resolved, sql, states
from tests.rates import counts_from, departures, fullest_second
from tests.waiting import until

FAST, SLOW = "+15555550100", "+15555550199"

pytestmark = pytest.mark.timed


class Watched(Transport):
    """Notes the slots that went by unused, because the machine had no processor for us at that moment."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.late: list[tuple[str, float]] = []  # the sender's address, and seconds of the epoch

    def send(self, *window: Any) -> "Future[list[Posted]]":
        flight = super().send(*window)
        flight.add_done_callback(self._note)
        return flight

    def _note(self, flight: "Future[list[Posted]]") -> None:
        self.late += [
            (posted.message.sender_address, posted.left_at.timestamp())
            for posted in flight.result()
            if isinstance(posted.answer, Late)
        ]

    def late_of(self, *senders: str) -> list[float]:
        return [at for sender, at in self.late if sender in senders]


class Workers:
    """A worker process whose doorbells ring again and again."""

    def __init__(self, providers: Providers, transport: Transport, client: Any, slots: int = 4) -> None:
        ours = providers.settings().model_copy(update={"worker_threads": slots})
        self.stop = threading.Event()
        self._slots = WorkerSlots(ours, Throttle(client), lambda: transport, self.stop)
        self._bells = [threading.Thread(target=self._ring) for _ in range(slots)]

    def start(self) -> None:
        for bell in self._bells:
            bell.start()

    def end(self) -> None:
        self.stop.set()
        for bell in self._bells:
            bell.join()

    def _ring(self) -> None:
        while not self.stop.is_set():
            self._slots.send(Lane.EMERGENCY, "sms")
            self.stop.wait(0.05)


@pytest.fixture
def transport(providers: Providers) -> Iterator[Watched]:
    way_out = Watched(providers.settings())
    yield way_out
    way_out.close()


@pytest.fixture
def work(providers: Providers, transport: Watched, redis: "redis_client.Redis") -> Iterator[Workers]:
    # As a worker does (`worker.py`): to look through two thousand collected tests for garbage takes longer than a slot.
    gc.collect()
    gc.freeze()
    workers = Workers(providers, transport, redis)
    yield workers
    workers.end()
    gc.unfreeze()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_rows, "BATCH_S", 1.0)


def second_sender(rate_per_s: float, address: str = SLOW) -> int:
    with transaction() as s:
        return senders.add(s, "twilio", address, rate_per_s, datetime.now(UTC)).id


def cost() -> int:
    return int(sql("SELECT cost FROM contents WHERE language = 'en'")[0].cost)


def arrivals(providers: Providers, sender: str) -> dict[str, float]:
    """When each message of this sender arrived, by number, in seconds of the epoch."""
    return {m["to"]: m["received_at"] for m in providers.received() if m["from"] == sender}


def moments(providers: Providers, sender: str) -> list[float]:
    return sorted(arrivals(providers, sender).values())


def last_sent() -> float:
    return float(sql("SELECT extract(epoch FROM max(sent_at)) AS at FROM deliveries")[0].at)


def change(address: str, **values: Any) -> None:
    with transaction() as s:
        found = next(one for one in senders.all_senders(s) if one.address == address)
        senders.change(s, found.id, datetime.now(UTC), **values)


@pytest.mark.usefixtures("database", "small_batches")
def test_a_slow_sender_adds_its_rate_and_never_slows_a_fast_one(
    providers: Providers, work: Workers, transport: Watched
) -> None:
    fast, slow = 120, 4  # segments a second
    resolved("sms", 420, rate_per_s=fast)
    second_sender(slow)
    work.start()
    until(lambda: states()["accepted"] > 360, 60, "six seconds of messages")
    work.end()
    fast_at, slow_at = moments(providers, FAST), moments(providers, SLOW)
    for sender, rate in ((FAST, fast), (SLOW, slow)):
        assert fullest_second(departures(), arrivals(providers, sender)) * cost() <= rate
    begin, end = max(fast_at[0], slow_at[0]), min(fast_at[-1], slow_at[-1])
    # The usual second: one in which the machine stood still for a moment says nothing about the workers.
    slots = fast_at + slow_at + transport.late_of(FAST, SLOW)
    seconds = counts_from(slots, [begin + n for n in range(int(end - begin))])
    assert median(seconds) * cost() >= 0.95 * (fast + slow), seconds
    used = sorted(slow_at + transport.late_of(SLOW))
    assert cost() * (len(used) - 1) / (used[-1] - used[0]) >= 0.85 * slow, (slow_at, transport.late_of(SLOW))


@pytest.mark.usefixtures("database", "small_batches")
def test_a_stop_and_a_new_rate_act_within_a_second(providers: Providers, work: Workers, transport: Watched) -> None:
    resolved("sms", 600, rate_per_s=100)
    second_sender(40)
    work.start()
    until(lambda: len(moments(providers, FAST)) > 50 and moments(providers, SLOW), 60, "both send")
    stopped_at = datetime.now(UTC).timestamp()
    change(FAST, status="stopped")
    change(SLOW, rate_per_s=80)
    until(lambda: last_sent() > stopped_at + 4, 60, "four seconds later")
    assert max(moments(providers, FAST)) < stopped_at + 1
    later = [t for t in moments(providers, SLOW) + transport.late_of(SLOW) if stopped_at + 1 < t <= stopped_at + 4]
    assert 0.9 * 80 * 3 <= len(later) * cost() <= 80 * 3


@pytest.mark.usefixtures("database", "small_batches")
def test_when_a_breaker_opens_the_other_senders_take_over_at_once(
    providers: Providers, work: Workers, redis: "redis_client.Redis"
) -> None:
    resolved("sms", 60, rate_per_s=100)
    second_sender(60)
    throttle = Throttle(redis)
    fast = next(row.id for row in sql("SELECT id FROM senders ORDER BY rate_per_s DESC"))
    grant = until(lambda: _grant(throttle, fast), 60, "a grant")
    for _ in range(6):  # it has been in trouble for long
        redis.hset(f"tocsin:sender:{fast}", "rest", 0)
        throttle.record_results([grant], ["http-500"] * FAULTS, 0)
    till = int((datetime.now(UTC).timestamp() + 50) * MICRO)
    redis.hset(f"tocsin:sender:{fast}", mapping=dict.fromkeys(("rest", "press"), till))
    work.start()
    until(lambda: states() == {"accepted": 60}, 60, "all are sent")
    assert moments(providers, FAST) == []


def _grant(throttle: Throttle, sender_id: int) -> Any:
    answer = throttle.take(Allowance(sender_id, 100, None), 1, Lane.ROUTINE, now=datetime.now(UTC))
    return answer if isinstance(answer, Grant) else None


@pytest.mark.usefixtures("database", "small_batches")
def test_an_outage_gives_up_no_message_and_ends_with_the_first_that_is_taken(
    providers: Providers, work: Workers, redis: "redis_client.Redis"
) -> None:
    resolved("sms", 3, rate_per_s=100)
    providers.behave(twilio={"error_rate": {"rate": 1, "status": 503}})
    work.start()
    sender = sql("SELECT id FROM senders")[0].id
    until(lambda: Throttle(redis).breaks([sender]), 60, "the breaker is open")
    sql("UPDATE deliveries SET attempts = 30")
    until(lambda: len(sql("SELECT 1 FROM deliveries WHERE attempts > 30")) > 0, 60, "a trial")
    until(lambda: states() == {"queued": 3}, 60, "nobody is given up")
    providers.behave(twilio={"error_rate": []})
    until(lambda: states() == {"accepted": 3}, 60, "all are sent")
    assert Throttle(redis).breaks([sender]) == {}


@pytest.mark.usefixtures("database", "small_batches")
def test_a_429_with_retry_after_rests_its_sender_only(
    providers: Providers, work: Workers, redis: "redis_client.Redis"
) -> None:
    resolved("sms", 150, rate_per_s=100)
    second_sender(60)
    providers.behave(twilio={"next_errors": [{"status": 429, "retry_after": 60}]})
    work.start()
    until(lambda: states() == {"accepted": 150}, 60, "all are sent")
    closed = [
        row.address for row in sql("SELECT id, address FROM senders") if redis.hget(f"tocsin:sender:{row.id}", "closed")
    ]
    assert len(closed) == 1
    rested = moments(providers, closed[0])
    others = moments(providers, FAST if closed[0] == SLOW else SLOW)
    assert len(others) > len(rested)
    assert Throttle(redis).breaks([row.id for row in sql("SELECT id FROM senders")]) == {}, "who says when is in order"


@pytest.mark.usefixtures("database", "small_batches")
def test_a_daily_cap_that_is_reached_in_mid_batch_leaves_the_rest_to_the_others(
    providers: Providers, work: Workers, redis: "redis_client.Redis"
) -> None:
    resolved("sms", 80, rate_per_s=100)
    second_sender(40)
    change(FAST, daily_cap=31)
    work.start()
    until(lambda: states() == {"accepted": 80}, 60, "all are sent")
    assert len(moments(providers, FAST)) == 31 // cost()


@pytest.mark.usefixtures("database", "small_batches")
def test_a_cap_is_kept_when_redis_is_wiped_in_mid_send(
    providers: Providers, work: Workers, redis: "redis_client.Redis"
) -> None:
    resolved("sms", 300, rate_per_s=100)
    change(FAST, daily_cap=200)
    work.start()
    for wiped_at in (20, 60):
        until(lambda n=wiped_at: len(moments(providers, FAST)) >= n, 60, "messages go out")  # type: ignore[misc]
        redis.flushdb()
    until(lambda: len(moments(providers, FAST)) == 200 // cost(), 60, "the cap is used up")
    until(lambda: states()["sending"] == 0, 60, "the last window is recorded")
    assert len(moments(providers, FAST)) == 200 // cost()
