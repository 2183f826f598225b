"""A clock that is set in the midst of sending, on any of the hosts: nobody is missed or doubled, the rate holds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from notify.core.settings import settings
from notify.delivery.breaker import key_of
from tests.acceptance.city import City
from tests.rates import departures, fullest_second

pytestmark = pytest.mark.long

RATE, PEOPLE = 40, 150  # three seconds are left to set the clock
HOUR_S = 3600


@pytest.mark.timed
@pytest.mark.parametrize("seconds", [-HOUR_S, -5, 5, HOUR_S])
@pytest.mark.parametrize("process", ["worker", "scheduler"])
def test_the_wall_clock_of_our_hosts_is_set(city: City, process: str, seconds: int) -> None:
    block, alert = city.sending(PEOPLE, RATE, out=30)
    with clock(process, seconds):
        city.reached_once(block, city.until_over(alert, 60))
    left, arrived = departures(), city.posted(block.phones)
    wrong = {number for number, at in arrived.items() if abs(at - left[number]) > abs(seconds) / 2}
    assert bool(wrong) == (process == "worker"), "the clock was set, indeed"
    assert fullest_second(left | {number: left[number] - seconds for number in wrong}, arrived) <= RATE


@pytest.mark.timed
@pytest.mark.parametrize("seconds", [-HOUR_S, -5, 5, HOUR_S])
def test_the_clock_of_redis_is_set(city: City, seconds: int) -> None:
    """What Redis remembers is on its own clock; to set that back is to move all it remembers forward."""
    block, alert = city.sending(PEOPLE, RATE, out=30)
    with redis.Redis.from_url(settings().require_redis()) as memory:
        for (sender,) in city.sql("SELECT id FROM senders WHERE channel = 'sms'"):
            memory.hincrby(key_of(sender), "tat", -seconds * 1_000_000)
    city.reached_once(block, city.until_over(alert, 60))
    if seconds < 0:  # set forward, slots that were handed out look as if they were over
        assert fullest_second(departures(), city.posted(block.phones)) <= RATE


@pytest.mark.parametrize("seconds", [-HOUR_S, HOUR_S])
def test_the_clock_of_postgresql_is_set(city: City, seconds: int) -> None:
    """Leases are on its clock: set forward, they have all run out; set back, they last for longer."""
    block, alert = city.sending(PEOPLE, RATE, out=30)
    city.sql("UPDATE batches SET lease_until = lease_until - make_interval(secs => :s) WHERE alert_id = :a",
             s=seconds, a=alert)  # fmt: skip
    city.reached_once(block, city.until_over(alert, 90))


@contextmanager
def clock(process: str, seconds: int) -> Iterator[None]:
    """Set the wall clock of these processes by so much, and back again."""
    steps = Path(os.environ["CLOCK_STEPS"])
    steps.write_text(f"{process} {seconds}\n")
    try:
        yield
    finally:
        steps.unlink()
