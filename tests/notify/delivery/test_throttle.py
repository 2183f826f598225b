"""Law 6: no one-second window at a provider ever holds more than the sender's rate. Law 7: emergencies come first."""

import math
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import redis as redis_client

from notify.delivery.throttle import HORIZON_S, MICRO, SLICE_S, Allowance, Grant, Throttle, Wait
from notify.models import Lane

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def take(
    throttle: Throttle, rate: float, want: int = 1000, lane: Lane = Lane.ROUTINE, cap: int | None = None, **more: object
) -> Grant | Wait:
    return throttle.take(Allowance(1, rate, cap), want, lane, now=NOW, **more)  # type: ignore[arg-type]  # unit, bulk


def granted(throttle: Throttle, rate: float, **more: object) -> Grant:
    """The first grant, waiting for it as a worker does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = take(throttle, rate, **more)  # type: ignore[arg-type]
        if isinstance(answer, Grant):
            return answer
        threading.Event().wait(answer.seconds)
    raise AssertionError("no grant within a minute")


def posts_of_takers(
    client: "redis_client.Redis", rate: float, unit: int, bulk: bool, takers: int, seconds: float
) -> list[tuple[float, int]]:
    """(moment, tokens) of every post that several greedy takers may make."""
    posts: list[tuple[float, int]] = []
    end = time.monotonic() + seconds

    def work() -> None:
        throttle = Throttle(client)
        while time.monotonic() < end:
            answer = take(throttle, rate, unit=unit, bulk=bulk)
            if isinstance(answer, Wait):
                threading.Event().wait(min(answer.seconds, 0.2))
            elif bulk:
                posts.append((answer.first_s, answer.messages * unit))
            else:
                posts.extend((answer.first_s + n * answer.interval_s, unit) for n in range(answer.messages))

    threads = [threading.Thread(target=work) for _ in range(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(posts)


def fullest_second(posts: list[tuple[float, int]]) -> int:
    return max(sum(n for t, n in posts[i : i + 12_000] if t < start + 1) for i, (start, _) in enumerate(posts))


@pytest.mark.parametrize(
    ("rate", "unit", "bulk", "takers"),
    [(2, 1, False, 2), (10, 3, False, 3), (100, 1, False, 4), (100, 4, False, 2), (500, 1, True, 3), (7, 1, True, 2)],
)
def test_no_second_holds_more_than_the_rate(
    redis: "redis_client.Redis", rate: float, unit: int, bulk: bool, takers: int
) -> None:
    posts = posts_of_takers(redis, rate, unit, bulk, takers, seconds=2.5)
    assert posts
    assert fullest_second(posts) <= rate


@pytest.mark.timed
def test_most_of_the_rate_is_used(redis: "redis_client.Redis") -> None:
    posts = posts_of_takers(redis, 200, 1, False, takers=3, seconds=2.5)
    span = posts[-1][0] - posts[0][0]
    assert len(posts) / span >= 0.97 * 200


def test_posts_of_different_size_never_share_a_second_too_full(redis: "redis_client.Redis") -> None:
    throttle, posts = Throttle(redis), []
    for n in range(40):
        unit = (1, 4, 3)[n % 3]
        grant = granted(throttle, 40, want=2, unit=unit)
        posts += [(grant.first_s + i * grant.interval_s, unit) for i in range(grant.messages)]
    assert fullest_second(sorted(posts)) <= 40


class SlowRedis(redis_client.Redis):
    """Answers of scripts arrive late, as in a process that stood still for a moment."""

    late_s = 0.0

    def evalsha(self, *args: Any) -> Any:
        answer = super().evalsha(*args)
        threading.Event().wait(self.late_s)
        return answer


@pytest.mark.parametrize("late_s", [0.4, 1.4])
def test_an_answer_that_comes_late_does_not_move_its_slots(redis: "redis_client.Redis", late_s: float) -> None:
    throttle = Throttle(redis)
    granted(throttle, 100)
    slow = SlowRedis(connection_pool=redis.connection_pool)
    slow.late_s = late_s
    grant = granted(Throttle(slow), 100)
    assert grant.first_s == pytest.approx(throttle._clock.local(int(grant.span[0]) / MICRO), abs=0.1)


def test_a_message_larger_than_the_rate_goes_out_alone(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    first, second = granted(throttle, 2, unit=3), granted(throttle, 2, unit=3)
    assert first.messages == second.messages == 1
    assert second.first_s - first.first_s >= 1.5


def test_a_grant_is_at_most_a_quarter_of_a_second(redis: "redis_client.Redis") -> None:
    assert granted(Throttle(redis), 100).messages == 100 * SLICE_S


def test_unused_slots_lapse(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    granted(throttle, 50, want=1)
    threading.Event().wait(0.5)  # a worker that sends nothing for a while
    grants = [granted(throttle, 50) for _ in range(3)]
    starts = [g.first_s for g in grants]
    assert all(later - earlier >= 0.24 for earlier, later in pairwise(starts)), "half a second was carried over"


def test_a_wiped_redis_begins_after_the_slots_that_were_handed_out(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    before = granted(throttle, 100)
    last = before.first_s + before.messages * before.interval_s
    redis.flushdb()
    assert granted(throttle, 100).first_s >= last - 0.005
    first_s = granted(throttle, 100).first_s
    assert first_s <= max(last, time.monotonic()) + HORIZON_S + 2 * SLICE_S + 1


def test_routine_goes_on_when_no_emergency_waits(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    granted(throttle, 100, want=1, lane=Lane.EMERGENCY)
    assert granted(throttle, 100, lane=Lane.ROUTINE).messages > 0


def test_a_daily_cap_ends_the_day_for_this_sender(database: str, redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    assert granted(throttle, 100, cap=5).messages == 5
    assert take(throttle, 100, cap=5) == Wait(math.inf)
    tomorrow = NOW.replace(day=24)
    answer = throttle.take(Allowance(1, 100, 5), 1, Lane.ROUTINE, now=tomorrow)
    assert not (isinstance(answer, Wait) and answer.seconds == math.inf)


def test_a_sender_that_is_closed_gives_nothing_until_then(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    granted(throttle, 100, want=1)
    closed = time.monotonic()
    throttle.close(1, 0.6)
    assert granted(throttle, 100).first_s >= closed + 0.55
    throttle.close(1, 60)
    answer = take(throttle, 100)
    assert isinstance(answer, Wait)
    assert 30 < answer.seconds <= 60


def test_a_longer_wait_is_not_cut_short(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    granted(throttle, 100, want=1)
    throttle.close(1, 60)
    throttle.close(1, 0.1)
    answer = take(throttle, 100)
    assert isinstance(answer, Wait)
    assert answer.seconds > 30


def test_slots_of_a_grant_for_nothing_can_be_had_again(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    unused = granted(throttle, 1 / 60)
    throttle.give_back(unused, 1, slots=True)
    assert granted(throttle, 1 / 60).first_s < unused.first_s + 30


def test_slots_that_others_have_slots_behind_lapse(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    unused, later = granted(throttle, 20, want=2), granted(throttle, 20, want=2)
    throttle.give_back(unused, 2, slots=True)
    assert granted(throttle, 20, want=2).first_s > later.first_s + 1.9 * later.interval_s
