"""Seats for each channel, and doorbells that are never lost."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_client
from sqlalchemy import text

from notify import alerts
from notify.db import transaction
from notify.limits import Throttle
from notify.models import Lane
from notify.pipeline import fanout, records
from notify.pipeline.runners import Runners
from notify.pipeline.transport import Transport
from tests.factories import alert_ready, operator, resident, sender, zone
from tests.notify.pipeline.conftest import Providers
from tests.waiting import until


def sql(statement: str, **values: Any) -> list[Any]:
    with transaction() as s:
        result = s.execute(text(statement), values)
        return list(result) if result.returns_rows else []


def residents(people: int, **person: Any) -> None:
    with transaction() as s:
        zone(s)
        for _ in range(people):
            resident(s, topics=("storm", "snow"), **person)


def launched(event: str = "storm", channel: str = "sms") -> int:
    """An alert to all residents, dealt into batches of ten, which then go out a hundred times faster."""
    now = datetime.now(UTC)
    with transaction() as s:
        sender(s, {"sms": "twilio", "email": "sendgrid"}[channel], 100, now=now)
        s.execute(text("UPDATE senders SET rate_per_s = 1"))
        alert = alert_ready(s, event=event, channels=(channel,), now=now)
        alerts.launch(s, alert.id, operator(s), now)
    list(fanout.resolve(alert.id, now))
    sql("UPDATE senders SET rate_per_s = 100")
    return alert.id


def runners(providers: Providers, client: Any, transport: Callable[[], Transport], seats: int = 1) -> Runners:
    ours = providers.settings().model_copy(update={"worker_threads": seats})
    return Runners(list(Lane), ours, Throttle(client), transport, threading.Event())


def waiting(channel: str) -> int:
    return int(sql("SELECT count(*) AS n FROM batches WHERE channel = :c AND state <> 'done'", c=channel)[0].n)


def next_alerts(channel: str = "sms") -> list[int]:
    """The alerts of all waiting batches, in the order in which workers would take them."""
    found = []
    while held := records.lease_next(list(Lane), channel, 60):
        found.append(held.alert_id)
    return found


def test_two_alerts_of_a_lane_share_and_an_emergency_goes_first(database: str) -> None:
    residents(30)
    first, second, emergency = launched("snow"), launched("snow"), launched("storm")
    batches = sql("SELECT alert_id, count(*) AS n FROM batches GROUP BY 1 ORDER BY 1")
    (each,) = {batch.n for batch in batches}
    assert each >= 2
    assert next_alerts() == [emergency] * each + [first, second] * each


def test_one_doorbell_sends_all_that_waits(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    residents(30)
    launched()
    assert waiting("sms") >= 2
    runners(providers, redis, lambda: transport).answer("sms")
    assert waiting("sms") == 0
    assert len(providers.received()) == 30


def test_no_more_work_on_a_channel_than_it_has_seats_and_others_keep_theirs(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    """Whoever sends SMS is held up; emails go out in the meantime, and a third doorbell does not wait for a seat."""
    residents(30, email="")
    launched("storm", "sms")
    seated: list[str] = []
    released = threading.Event()

    def slow() -> Transport:
        if threading.current_thread().name == "sms":
            seated.append("sms")
            released.wait(30)
        return transport

    ours = runners(providers, redis, slow, seats=2)
    threads = [threading.Thread(target=ours.answer, args=("sms",), name="sms") for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        until(lambda: len(seated) == 2, 10, "both seats are taken")
        third = threading.Thread(target=ours.answer, args=("sms",), name="sms")
        third.start()
        third.join(10)
        assert not third.is_alive()
        assert len(seated) == 2
        launched("storm", "email")
        ours.answer("email")
        assert waiting("email") == 0
        assert waiting("sms") >= 2
    finally:
        released.set()
        for thread in threads:
            thread.join(30)
    assert waiting("sms") == 0


@pytest.mark.parametrize("error", [None, RuntimeError("a defect")], ids=["rests", "fails"])
def test_a_doorbell_that_finds_the_seats_taken_is_heard(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport, error: Exception | None
) -> None:
    """Whoever sits there has to rest with its batch, or breaks; the one that was rung for meanwhile is looked at."""
    residents(30)
    launched()
    assert waiting("sms") >= 3
    sql("UPDATE senders SET status = 'stopped'")
    looked = 0

    def ringing() -> Transport:
        nonlocal looked
        looked += 1
        if looked == 1:
            ours.answer("sms")  # returns at once: the one seat is ours
            if error:
                raise error
        return transport

    ours = runners(providers, redis, ringing)
    if error:
        with pytest.raises(RuntimeError, match="a defect"):
            ours.answer("sms")
    else:
        ours.answer("sms")
    assert looked == 2
    ours.answer("sms")  # the seat is free again
    assert looked == 3
