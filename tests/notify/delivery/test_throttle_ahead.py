"""What somebody waits for goes ahead of other routine messages with half of the slots at most, and never ahead of an
emergency. In virtual time."""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pytest
import redis as redis_client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notify.delivery.throttle import JITTER, MICRO, SLICE_S
from tests.notify.delivery.test_throttle_arithmetic import START, Bucket

RATE = 100
MANY = 1000  # more than any run has
LATE_S = (0.000_1, 0.004)  # how much later than it was told a taker asks again
EMPTY_S = 2.0  # a bucket that is new begins late


@pytest.fixture
def bucket(redis: "redis_client.Redis") -> Callable[..., Bucket]:
    return lambda rate, **more: Bucket(redis, rate, **more)


@dataclass(frozen=True)
class Taker:
    """Asks for `want` messages again and again, so long after each grant (from, to)."""

    lane: str = "routine"
    want: int = MANY
    rests_s: tuple[float, float] = LATE_S


@dataclass(frozen=True)
class Run:
    lane: str
    messages: int
    start_s: float
    waited_s: float


def runs(one: Bucket, takers: Sequence[Taker], seconds: float) -> list[Run]:
    """Return the runs of slots that all takers had together, in the order of the grants, once the bucket is filled."""
    dice, taken = random.Random(7), list[Run]()
    queue = [(one.now + number, number, one.now) for number in range(len(takers))]
    begin = one.now + EMPTY_S * MICRO
    end = begin + seconds * MICRO
    while (asks := heapq.heappop(queue))[0] < end:
        at, number, since = asks
        taker, one.now = takers[number], max(one.now, at)
        granted, wait_s = one.take(taker.want, 1, taker.lane)
        if granted:
            taken.append(Run(taker.lane, granted, one.posts[-granted].at_s, (one.now - since) / MICRO))
        pause_s = dice.uniform(*taker.rests_s) if granted else wait_s + dice.uniform(*LATE_S)
        later = one.now + int(pause_s * MICRO)
        heapq.heappush(queue, (later, number, later if granted else since))
    return [run for run in taken if run.start_s * MICRO >= begin - START]


def messages(taken: Sequence[Run]) -> Counter[str]:
    """How many messages each lane had."""
    found = Counter[str]()
    for run in taken:
        found[run.lane] += run.messages
    return found


def waits_s(one: Bucket, lane: str, takers: int) -> list[float]:
    """How long each of some forty codes waits for its slot, one at a time, while a fan-out runs."""
    taken = runs(one, [Taker()] * takers + [Taker(lane, 1, (0.2, 1.5))], 40)
    return [run.waited_s for run in taken if run.messages == 1][1:]


@pytest.mark.parametrize("takers", [4, 16, 32])
def test_a_code_does_not_wait_behind_a_fan_out(bucket: Callable[..., Bucket], takers: int) -> None:
    ahead = waits_s(bucket(RATE), "ahead", takers)
    assert median(ahead) <= 0.15
    assert max(ahead) <= 0.3, "one run of slots of another, and the way to its own"


def test_without_a_place_ahead_it_would(bucket: Callable[..., Bucket]) -> None:
    assert median(waits_s(bucket(RATE), "routine", 16)) > 0.4


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([1, 2, 3, 7, 10, 30, 100]),
    wants=st.lists(st.sampled_from([1, 2, 5, 10, MANY]), min_size=1, max_size=8),
    codes=st.tuples(st.sampled_from([1, 3, 13, MANY]), st.sampled_from([LATE_S, (0.01, 0.3)])),
    urgent=st.sampled_from([[], [], [Taker("emergency", 1, (0.1, 1.0))]]),
)
def test_codes_leave_a_fan_out_half_of_the_slots_however_short_its_runs_are(
    bucket: Callable[..., Bucket],
    rate: int,
    wants: Sequence[int],
    codes: tuple[int, tuple[float, float]],
    urgent: list[Taker],
) -> None:
    one, seconds = bucket(rate), max(4, 40 / rate)
    taken = runs(one, [Taker(want=want) for want in wants] + [Taker("ahead", *codes)] + urgent, seconds)
    had = messages(taken)
    run = max(1, rate * SLICE_S)
    assert had["routine"] >= (had["routine"] + had["ahead"]) / 2 - run
    assert had.total() >= rate * seconds / (1 + JITTER) - 2 * run, "no slot is lost while somebody waits"
    assert one.fullest_second() <= rate
    assert all(later.start_s > earlier.start_s for earlier, later in pairwise(taken)), "who asked first leaves first"


@pytest.mark.parametrize("want", [1, 5, MANY])
def test_what_a_fan_out_leaves_is_for_codes(bucket: Callable[..., Bucket], want: int) -> None:
    """It is one worker that has something now and then."""
    taken = runs(bucket(RATE), [Taker(want=want, rests_s=(0.5, 1.0)), Taker("ahead")], 20)
    assert messages(taken).total() >= 0.95 * RATE * 20
    assert max(run.waited_s for run in taken if run.lane == "routine") <= 0.3


@pytest.mark.parametrize("clock_set_s", [0, -3600])
def test_what_a_flood_of_codes_had_alone_is_not_held_against_it(
    bucket: Callable[..., Bucket], clock_set_s: float
) -> None:
    one = bucket(RATE)
    assert messages(runs(one, [Taker("ahead")], 20))["ahead"] >= 0.95 * RATE * 20
    one.pass_time(clock_set_s)
    one.take()  # it begins anew after the clock was set
    both = messages(runs(one, [Taker()] * 4 + [Taker("ahead")], 8))
    assert both["ahead"] >= 0.45 * both.total() > 0


def test_emergencies_do_not_take_the_half_of_the_fan_out(bucket: Callable[..., Bucket]) -> None:
    """They have half of the slots here, and codes and the fan-out a quarter each."""
    takers = [Taker("emergency", 25, (0.5, 0.5)), Taker(), Taker("ahead")]
    had = messages(runs(bucket(RATE), takers, 60))
    assert had["emergency"] >= 0.4 * RATE * 60 / (1 + JITTER)
    assert had["routine"] >= had["ahead"] - RATE * SLICE_S


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
