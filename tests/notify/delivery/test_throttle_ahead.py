"""What somebody waits for goes ahead of other routine messages, and never ahead of an emergency. In virtual time."""

import heapq
import random
from collections.abc import Callable
from statistics import median

import pytest
import redis as redis_client

from tests.notify.delivery.test_throttle_arithmetic import Bucket

RATE = 100
TAKERS = 16  # of a fan-out, that always want more


@pytest.fixture
def bucket(redis: "redis_client.Redis") -> Callable[..., Bucket]:
    return lambda rate, **more: Bucket(redis, rate, **more)


def waits(one: Bucket, lane: str, takers: int, codes: int) -> tuple[list[float], dict[str, int]]:
    """How long each of some codes waits for its slot, one at a time, while a fan-out runs; and messages by lane."""
    dice, got = random.Random(7), {"routine": 0, lane: 0}
    queue = [(one.now + n, n, "routine", 0) for n in range(takers)]
    heapq.heappush(queue, (one.now + 2_000_000, -1, lane, one.now + 2_000_000))
    waited: list[float] = []
    while len(waited) < codes:
        at, number, of, since = heapq.heappop(queue)
        one.now = max(one.now, at)
        granted, wait_s = one.take(1 if number < 0 else 1000, 1, of)
        late = int(dice.uniform(0.000_1, 0.004) * 1_000_000)
        if not granted:
            heapq.heappush(queue, (one.now + int(wait_s * 1_000_000) + late, number, of, since))
            continue
        got[of] += granted
        if number < 0:
            waited.append((one.now - since) / 1_000_000)
            since = one.now + int(dice.uniform(0.2, 1.5) * 1_000_000)
        heapq.heappush(queue, (since if number < 0 else one.now + late, number, of, since))
    return waited, got


def test_a_code_does_not_wait_behind_a_fan_out(bucket: Callable[..., Bucket]) -> None:
    ahead, _ = waits(bucket(RATE), "ahead", TAKERS, 60)
    assert median(ahead) <= 0.2
    assert max(ahead) <= 0.4, "one run of slots of another, and the way to its own"


def test_without_a_place_ahead_it_would(bucket: Callable[..., Bucket]) -> None:
    routine, _ = waits(bucket(RATE), "routine", TAKERS, 30)
    assert median(routine) > 0.4


def test_a_flood_of_codes_leaves_every_second_run_to_the_others(bucket: Callable[..., Bucket]) -> None:
    one, got, asked = bucket(RATE), {"routine": 0, "ahead": 0}, {"routine": 0, "ahead": 0}
    end = one.now + 20_000_000
    while one.now < end:
        lane = min(asked, key=lambda name: asked[name])
        one.now = max(one.now, asked[lane])
        granted, wait_s = one.take(1000, 1, lane)
        got[lane] += granted
        asked[lane] = one.now + int(wait_s * 1_000_000) + 100
    assert 0.35 <= got["routine"] / sum(got.values()) <= 0.65
    assert one.fullest_second() <= RATE


def test_an_emergency_comes_before_what_goes_ahead(bucket: Callable[..., Bucket]) -> None:
    one = bucket(10)
    while one.take(2)[0] == 0:
        one.pass_time(0.1)
    assert one.take(2, lane="ahead")[0] == 0
    granted, wait_s = one.take(2, lane="emergency")
    assert granted == 0
    one.pass_time(wait_s)
    assert one.take(2, lane="ahead")[0] == 0
    assert one.take(2, lane="emergency")[0] == 2


def test_what_went_away_holds_nothing_up(bucket: Callable[..., Bucket]) -> None:
    one = bucket(10)
    while one.take(2)[0] == 0:
        one.pass_time(0.1)
    assert one.take(1, lane="ahead")[0] == 0, "its process dies now"
    one.pass_time(1.2)
    assert one.take(2)[0] == 2
