"""Slots for each kind of work, and doorbells that are never lost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_client
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.delivery import leases
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.delivery.worker_slots import RECONCILERS, RESOLVERS, WorkerSlots
from notify.models import Lane
from tests.database import sql
from tests.factories import alert_ready, operator, resident, resolve, sender, zone
from tests.notify.conftest import Providers
from tests.waiting import until


def residents(people: int, **person: Any) -> None:
    with transaction() as s:
        zone(s)
        for _ in range(people):
            resident(s, topics=("storm", "snow"), **person)


def launched(event: str = "storm", channel: str = "sms") -> int:
    """An alert to all residents, cut into batches of ten, which then go out a hundred times faster."""
    now = datetime.now(UTC)
    with transaction() as s:
        sender(s, {"sms": "twilio", "email": "sendgrid"}[channel], 100, now=now)
        s.execute(text("UPDATE senders SET rate_per_s = 1"))
        alert = alert_ready(s, event=event, channels=(channel,), now=now)
        lifecycle.launch(s, alert.id, operator(s), now)
    resolve(alert.id, now)
    sql("UPDATE senders SET rate_per_s = 100")
    return alert.id


def runners(providers: Providers, client: Any, transport: Callable[[], Transport], slots: int = 1) -> WorkerSlots:
    ours = providers.settings().model_copy(update={"worker_threads": slots})
    return WorkerSlots(ours, Throttle(client), transport, threading.Event())


def waiting(channel: str) -> int:
    return int(sql("SELECT count(*) AS n FROM batches WHERE channel = :c AND state <> 'done'", c=channel)[0].n)


def next_alerts(lane: Lane, channel: str = "sms") -> list[int]:
    """The alerts of all waiting batches of a lane, in the order in which workers would take them."""
    found = []
    while held := leases.lease_next(lane, channel, 60):
        found.append(held.alert_id)
    return found


def test_two_alerts_of_a_lane_share(database: str) -> None:
    residents(30)
    first, second, emergency = launched("snow"), launched("snow"), launched("storm")
    batches = sql("SELECT alert_id, count(*) AS n FROM batches GROUP BY 1 ORDER BY 1")
    (each,) = {batch.n for batch in batches}
    assert each >= 2
    assert next_alerts(Lane.ROUTINE) == [first, second] * each
    assert next_alerts(Lane.EMERGENCY) == [emergency] * each


def test_one_doorbell_sends_all_that_waits(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    residents(30)
    launched()
    assert waiting("sms") >= 2
    runners(providers, redis, lambda: transport).send(Lane.EMERGENCY, "sms")
    assert waiting("sms") == 0
    assert len(providers.received()) == 30


def test_no_more_work_on_a_channel_than_it_has_seats_and_others_keep_theirs(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    """Whoever sends SMS is held up; emails go out in the meantime, and a third doorbell does not wait for a slot."""
    residents(30, email="")
    launched("storm", "sms")
    held_up = HeldUp(transport, "sms")
    ours = runners(providers, redis, held_up, slots=2)
    with held_up.by(ours.send, Lane.EMERGENCY, "sms", 2):
        ours.send(Lane.EMERGENCY, "sms")  # returns at once
        launched("storm", "email")
        ours.send(Lane.EMERGENCY, "email")
        assert waiting("email") == 0
        assert waiting("sms") >= 2
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
            ours.send(Lane.EMERGENCY, "sms")  # returns at once: the one slot is ours
            if error:
                raise error
        return transport

    ours = runners(providers, redis, ringing)
    if error:
        with pytest.raises(RuntimeError, match="a defect"):
            ours.send(Lane.EMERGENCY, "sms")
    else:
        ours.send(Lane.EMERGENCY, "sms")
    assert looked == 2
    ours.send(Lane.EMERGENCY, "sms")  # the slot is free again
    assert looked == 3


def test_an_emergency_does_not_wait_for_seats_that_routine_has(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    """In a process that serves both lanes."""
    residents(30)
    launched("snow")
    held_up = HeldUp(transport, "routine")
    ours = runners(providers, redis, held_up, slots=2)
    with held_up.by(ours.send, Lane.ROUTINE, "sms", 2):
        emergency = launched("storm")
        ours.send(Lane.EMERGENCY, "sms")
        assert {row.alert_id for row in sql("SELECT alert_id FROM batches WHERE state = 'done'")} == {emergency}
        assert len(providers.received()) == 30
    assert waiting("sms") == 0


def test_one_doorbell_clears_up_all_that_is_unknown(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    residents(30)
    launched()
    assert lost("sms") >= 2
    runners(providers, redis, lambda: transport).reconcile(Lane.EMERGENCY, "sms")
    assert {row.state for row in sql("SELECT DISTINCT state FROM deliveries")} == {"queued"}
    assert {row.state for row in sql("SELECT DISTINCT state FROM batches")} == {"waiting"}


def test_questions_about_unknown_outcomes_keep_nobody_from_other_work(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    """Whoever asks the SMS provider is held up. No more than their slots, and all else has slots of its own."""
    residents(60, email="")
    launched("storm", "sms")
    assert lost("sms") > RECONCILERS
    held_up = HeldUp(transport, "asking")
    ours = runners(providers, redis, held_up)
    with held_up.by(ours.reconcile, Lane.EMERGENCY, "sms", RECONCILERS):
        ours.reconcile(Lane.EMERGENCY, "sms")  # returns at once: there is no slot
        assert held_up.count == RECONCILERS
        launched("storm", "sms")
        ours.send(Lane.EMERGENCY, "sms")
        assert len(providers.received()) == 60
        launched("storm", "email")
        lost("email")
        ours.reconcile(Lane.EMERGENCY, "email")  # SendGrid cannot be asked
        assert {row.state for row in sql("SELECT DISTINCT state FROM batches WHERE channel = 'email'")} == {"waiting"}
    assert not sql("SELECT FROM batches WHERE state = 'unsettled'")


def test_so_many_alerts_are_resolved_at_once_in_each_lane(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    ours = runners(providers, redis, lambda: transport)
    begun: list[str] = []

    def resolve_another() -> None:
        begun.append("routine")
        ours.resolve(Lane.ROUTINE, resolve_another)
        if begun[-1] == "routine":
            ours.resolve(Lane.EMERGENCY, lambda: begun.append("emergency"))

    ours.resolve(Lane.ROUTINE, resolve_another)
    assert begun == ["routine"] * RESOLVERS + ["emergency"]


def lost(channel: str) -> int:
    """The outcomes of all waiting batches of a channel are unknown, since long ago; how many batches that are."""
    sql(
        """UPDATE deliveries d SET state = 'unknown', reason = 'timeout', attempts = 1, settled_at = now(),
                  claimed_at = now() - interval '1 hour',
                  sender_id = (SELECT min(id) FROM senders WHERE channel = b.channel)
             FROM batches b WHERE b.id = d.batch_id AND b.channel = :c AND b.state = 'waiting'""",
        c=channel,
    )
    changed = "UPDATE batches SET state = 'unsettled' WHERE channel = :c AND state = 'waiting' RETURNING id"
    return len(sql(changed, c=channel))


class HeldUp:
    """The way out, which threads of this name do not get until they are released."""

    def __init__(self, transport: Transport, name: str) -> None:
        self.count = 0
        self._transport, self._name = transport, name
        self._released = threading.Event()

    def __call__(self) -> Transport:
        if threading.current_thread().name == self._name:
            self.count += 1
            self._released.wait(120)
        return self._transport

    @contextmanager
    def by(self, work: Callable[[Lane, str], None], lane: Lane, channel: str, threads: int) -> Iterator[None]:
        """So many threads are held up at this work during the block, and end with it."""
        held = [threading.Thread(target=work, args=(lane, channel), name=self._name) for _ in range(threads)]
        try:
            for thread in held:
                thread.start()
            until(lambda: self.count == threads, 60, "all are held up")
            yield
        finally:
            self._released.set()
            for thread in held:
                thread.join(60)
