"""The arithmetic of `throttle.lua` on a clock that the test turns: what no run of a few seconds can show."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import cycle

import pytest
import redis as redis_client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notify.delivery.send_simulation import messages_per_s
from notify.delivery.throttle import BULK_SLICE_S, HORIZON_S, JITTER, LEAD_S, MICRO, SLICE_S, TRIAL_S, URGENT_TRIAL_S

DAY = "2026-11-23"
START = 1_800_000_000 * MICRO
# A post may arrive so much later after its slot than another one and still share no second with too many.
SECOND = 1 + JITTER - 0.001


@dataclass(frozen=True)
class Post:
    at_s: float
    tokens: int


class Bucket:
    """The script, with a clock in its arguments."""

    def __init__(self, client: "redis_client.Redis", rate: float, *, bulk: bool = False) -> None:
        script = files("notify.delivery").joinpath("throttle.lua").read_text()
        real = "local time = redis.call('TIME')\nlocal now = time[1] * SECOND + time[2]"
        assert real in script
        self._script = client.register_script(script.replace(real, "local now = tonumber(ARGV[16])"))
        self._client = client
        self._rate, self._bulk = rate, bulk
        self.now = START
        self.posts: list[Post] = []
        client.delete("bucket")

    def take(
        self, want: int = 1_000_000, unit: int = 1, lane: str = "routine", cap: int = 0, within_s: float = 600.0
    ) -> tuple[int, float]:
        """Messages granted, and for how long to wait, in seconds."""
        slice_s = BULK_SLICE_S if self._bulk else SLICE_S
        lengths = [int(s * MICRO) for s in (slice_s, LEAD_S, HORIZON_S)]
        trial = [int(s * MICRO) for s in (TRIAL_S, URGENT_TRIAL_S)]
        granted, first, length, _, wait, _, _ = self._script(
            keys=["bucket"],
            args=[
                want,
                unit,
                int(self._bulk),
                lane,
                self._rate,
                JITTER,
                *lengths,
                cap,
                "2026-11-23",
                *trial,
                want,
                int(within_s * MICRO),
                self.now,
            ],
        )
        first_s, length_s = (int(first) - START) / MICRO if granted else 0.0, int(length) / MICRO
        if self._bulk and granted:
            self.posts.append(Post(first_s, granted * unit))
        elif granted:
            self.posts += [Post(first_s + n * length_s, unit) for n in range(granted)]
        return granted, int(wait) / MICRO

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * MICRO)

    def run(self, seconds: float, sizes: Iterator[tuple[int, int]]) -> None:
        """A taker who always wants more: (want, unit) of one grant after the other."""
        end = self.now + seconds * MICRO
        want, unit = next(sizes)
        while self.now < end:
            granted, wait_s = self.take(want, unit)
            if granted:
                want, unit = next(sizes)
            else:
                self.pass_time(wait_s + 0.000_01)

    def wipe(self) -> None:
        self._client.delete("bucket")

    def change_rate(self, rate: float) -> None:
        self._rate = rate

    def fullest_second(self) -> int:
        posts, fullest, held, first = sorted(self.posts, key=lambda p: p.at_s), 0, 0, 0
        for post in posts:
            held += post.tokens
            while posts[first].at_s <= post.at_s - SECOND:
                held -= posts[first].tokens
                first += 1
            fullest = max(fullest, held)
        return fullest

    def utilisation(self) -> float:
        """Of the rate, from the first post to the last one."""
        posts = sorted(self.posts, key=lambda p: p.at_s)
        return sum(p.tokens for p in posts[:-1]) / (posts[-1].at_s - posts[0].at_s) / self._rate


@pytest.fixture
def bucket(redis: "redis_client.Redis") -> Callable[..., Bucket]:
    return lambda rate, **more: Bucket(redis, rate, **more)


STEP = st.tuples(
    st.one_of(st.just(None), st.floats(0, 0.6)),  # wait as told, or for so long
    st.one_of(st.just(1_000_000), st.integers(1, 60)),  # want
    st.integers(1, 10),  # unit
    st.sampled_from(["routine", "routine", "ahead", "emergency"]),
    st.sampled_from([False] * 12 + [True]),  # Redis is wiped
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    rate=st.one_of(st.integers(1, 40), st.sampled_from([100, 225, 400]), st.floats(1, 30)),
    bulk=st.booleans(),
    steps=st.lists(STEP, min_size=5, max_size=60),
)
def test_whatever_is_taken_no_second_holds_more_than_the_rate(
    bucket: Callable[..., Bucket], rate: float, bulk: bool, steps: Sequence[tuple[float | None, int, int, str, bool]]
) -> None:
    one = bucket(rate, bulk=bulk)
    for pause_s, want, unit, lane, wiped in steps:
        if wiped:
            one.wipe()
        _, wait_s = one.take(want, 1 if bulk else min(unit, int(rate)), lane)
        one.pass_time(wait_s + 0.001 if pause_s is None else pause_s)
    assert one.fullest_second() <= rate


@pytest.mark.parametrize("rate", [1, 3, 10, 100, 1000, 5000])
def test_97_percent_of_any_rate_is_used(bucket: Callable[..., Bucket], rate: int) -> None:
    one = bucket(rate)
    one.run(20, cycle([(1_000_000, 1)]))
    assert one.utilisation() >= 0.975
    assert one.fullest_second() <= rate


@pytest.mark.parametrize(
    ("rate", "at_least"), [(7, 0.97), (19, 0.97), (25, 0.97), (59, 0.94), (500, 0.97), (5000, 0.97)]
)
def test_97_percent_is_used_by_requests_of_many(bucket: Callable[..., Bucket], rate: int, at_least: float) -> None:
    one = bucket(rate, bulk=True)
    one.run(20, cycle([(1_000_000, 1)]))
    assert one.utilisation() >= at_least
    assert one.fullest_second() <= rate


def test_the_last_request_of_a_batch_costs_no_more_than_a_full_one(bucket: Callable[..., Bucket]) -> None:
    one = bucket(500, bulk=True)
    one.run(60, cycle([(1_000_000, 1)] * 19 + [(20, 1)]))
    assert one.utilisation() >= 0.94  # 970 of 1,000 slots' tokens, and the jitter
    assert one.fullest_second() <= 500


@pytest.mark.parametrize(("rate", "at_least"), [(100, 0.94), (1000, 0.97)])
def test_languages_with_different_segments_mix_at_little_loss(
    bucket: Callable[..., Bucket], rate: int, at_least: float
) -> None:
    one = bucket(rate)
    one.run(30, cycle([(1_000_000, 1), (1_000_000, 4)]))
    assert one.utilisation() >= at_least
    assert one.fullest_second() <= rate


def test_after_two_seconds_of_one_size_it_has_its_own_slots_again(bucket: Callable[..., Bucket]) -> None:
    one = bucket(100)
    one.run(5, cycle([(1_000_000, 1), (1_000_000, 4)]))
    one.run(10, cycle([(1_000_000, 1)]))
    spaces = [b.at_s - a.at_s for a, b in zip(one.posts[-50:], one.posts[-49:], strict=False)]
    assert max(spaces) == pytest.approx((1 + JITTER) / 100, abs=1e-5)
    assert one.fullest_second() <= 100


def test_a_higher_rate_does_not_wait_for_the_long_slot_of_a_slow_one(bucket: Callable[..., Bucket]) -> None:
    one = bucket(0.1)
    while not one.posts:
        one.pass_time(one.take(1)[1] + 0.001)
    one.change_rate(100)
    assert one.take(1)[1] <= 1
    one.run(5, cycle([(1_000_000, 1)]))
    assert one.fullest_second() <= 100


def test_an_emergency_that_waits_makes_routine_takers_wait(bucket: Callable[..., Bucket]) -> None:
    one = bucket(10)
    while one.take(2)[0] == 0:
        one.pass_time(0.1)
    granted, wait_s = one.take(2, lane="emergency")
    assert granted == 0
    one.pass_time(wait_s)
    assert one.take()[0] == 0
    assert one.take(2, lane="emergency")[0] == 2


def test_an_emergency_that_got_less_than_it_wants_keeps_the_next_slots(bucket: Callable[..., Bucket]) -> None:
    one = bucket(40)
    while one.take(100, lane="emergency")[0] == 0:
        one.pass_time(0.1)
    one.pass_time(one.posts[-1].at_s + 1 / 40 - (one.now - START) / MICRO)
    assert one.take()[0] == 0
    assert one.take(100, lane="emergency")[0] > 0


def test_a_clock_that_was_set_back_stops_nobody_for_long(bucket: Callable[..., Bucket]) -> None:
    one = bucket(100)
    one.run(2, cycle([(1_000_000, 1)]))
    one.take(1_000_000, 1, "emergency")
    one.pass_time(-3600)
    assert one.take()[1] <= 2
    one.pass_time(2)
    assert one.take()[0] == 25


@pytest.mark.parametrize("within_s", [0.03, 0.1, 0.5])
def test_no_slot_begins_later_than_the_taker_can_wait(bucket: Callable[..., Bucket], within_s: float) -> None:
    """Messages that are claimed already must leave while the claim is fresh."""
    one = bucket(40)
    one.run(3, cycle([(10, 1)]))
    one.posts.clear()
    for _ in range(50):
        asked_s = (one.now - START) / MICRO
        granted, wait_s = one.take(within_s=within_s)
        assert granted or wait_s > 0
        assert all(post.at_s <= asked_s + within_s + 1e-5 for post in one.posts)
        one.posts.clear()
        one.pass_time(0.0 if granted else wait_s + 0.000_01)


@pytest.mark.parametrize("rate", [1, 3, 5, 10, 12, 30, 100, 1000])
@pytest.mark.parametrize(
    "costs",
    [{1: 1}, {3: 1}, {1: 1, 2: 1}, {2: 1, 3: 1}, {3: 1, 4: 1}, {2: 3, 4: 1}, {1: 1, 4: 1}, {2: 2, 5: 1}, {1: 1, 6: 1}],
)
def test_the_plan_knows_how_long_messages_of_different_cost_take(
    bucket: Callable[..., Bucket], rate: int, costs: dict[int, int]
) -> None:
    """Two languages take turns, one grant each, until the rarer one is through."""
    one = bucket(rate)
    numbers = {cost: share * 200 for cost, share in costs.items()}
    left = dict(numbers)
    sizes = cycle([*left])
    while any(left.values()):
        cost = next(size for size in sizes if left[size])
        while not (granted := one.take(left[cost], cost))[0]:
            one.pass_time(granted[1] + 0.000_01)
        left[cost] -= granted[0]
    posts = sorted(post.at_s for post in one.posts)
    assert messages_per_s(rate, numbers) == pytest.approx((len(posts) - 1) / (posts[-1] - posts[0]), rel=0.05)
