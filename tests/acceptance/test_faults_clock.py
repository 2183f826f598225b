"""A clock that is set in the midst of sending, on any of the hosts: nobody is missed or doubled, the rate holds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from notify.breaker import key_of
from notify.settings import settings
from tests.acceptance.city import Block, City
from tests.waiting import until

RATE = 40
HOUR_S = 3600


@pytest.mark.timed
@pytest.mark.parametrize(
    ("process", "seconds"), [("worker", -HOUR_S), ("worker", 5), ("scheduler", HOUR_S), ("scheduler", -5)]
)
def test_the_wall_clock_of_our_hosts_is_set(city: City, process: str, seconds: int) -> None:
    block, alert = sending(city)
    with clock(process, seconds):
        city.reached_once(block, city.until_over(alert, 60))
    assert fullest_second(city, block) <= RATE
    if process == "worker":
        (sent,) = city.sql("SELECT min(sent_at) AS first, max(sent_at) AS last FROM deliveries WHERE alert_id = :a",
                           a=alert)  # fmt: skip
        assert (sent.last - sent.first).total_seconds() > abs(seconds) - 1, "the clock was set, indeed"


@pytest.mark.timed
@pytest.mark.parametrize("seconds", [-HOUR_S, HOUR_S])
def test_the_clock_of_redis_is_set(city: City, seconds: int) -> None:
    """What Redis remembers is on its own clock; to set that back is to move all it remembers forward."""
    block, alert = sending(city)
    with redis.Redis.from_url(settings().require_redis()) as memory:
        for (sender,) in city.sql("SELECT id FROM senders WHERE channel = 'sms'"):
            memory.hincrby(key_of(sender), "tat", -seconds * 1_000_000)
    city.reached_once(block, city.until_over(alert, 60))
    if seconds < 0:  # set forward, slots that were handed out look as if they were over
        assert fullest_second(city, block) <= RATE


@pytest.mark.parametrize("seconds", [-HOUR_S, HOUR_S])
def test_the_clock_of_postgresql_is_set(city: City, seconds: int) -> None:
    """Leases are on its clock: set forward, they have all run out; set back, they last for longer."""
    block, alert = sending(city)
    city.sql("UPDATE batches SET lease_until = lease_until - make_interval(secs => :s) WHERE alert_id = :a",
             s=seconds, a=alert)  # fmt: skip
    city.reached_once(block, city.until_over(alert, 90))


def sending(city: City) -> tuple[Block, int]:
    """An alert of which a third is out."""
    block = city.block(phones=90)
    alert = city.approved(block.zone)
    words = city.sql("SELECT cost FROM contents WHERE alert_id = :a AND channel = 'sms' AND language = 'en'", a=alert)
    city.rate("sms", RATE * words[0].cost)
    city.launch(alert)
    until(lambda: len(city.texts(block.phones)) >= 30, 30, "messages are going out")
    return block, alert


def fullest_second(city: City, block: Block) -> int:
    mine = set(block.phones)
    moments = sorted(m["received_at"] for m in city.received("twilio") if m["to"] in mine)
    return max(sum(start <= m < start + 1 for m in moments) for start in moments)


@contextmanager
def clock(process: str, seconds: int) -> Iterator[None]:
    """Set the wall clock of these processes by so much, and back again."""
    steps = Path(os.environ["CLOCK_STEPS"])
    steps.write_text(f"{process} {seconds}\n")
    try:
        yield
    finally:
        steps.unlink()
