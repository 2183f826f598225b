"""The circuit breaker: a provider that only fails is left alone, tried with one message, and used again."""

import math
import threading
import time

import pytest
import redis as redis_client

from notify.delivery import breaker as breaker_module
from notify.delivery.breaker import FAULTS, FIRST_S, LONGEST_S, MICRO, SPREAD, URGENT_S
from notify.delivery.throttle import Grant, Throttle, Wait
from notify.models import Lane
from tests.notify.delivery.test_throttle import granted, take
from tests.waiting import until

LONGEST_FIRST_S = FIRST_S * (1 + SPREAD)


def broken(client: "redis_client.Redis") -> Throttle:
    """A sender whose breaker has just opened."""
    throttle = Throttle(client)
    assert throttle.record_results([granted(throttle, 100)], ["http-500"] * FAULTS, 0)
    return throttle


def past_rest(client: "redis_client.Redis", *fields: str) -> None:
    """As if the time of rest were over."""
    client.hset("tocsin:sender:1", mapping=dict.fromkeys(fields or ("rest", "press"), 0))


def rest_for_long(client: "redis_client.Redis") -> None:
    """As if the rest had begun with longer to go than a busy machine takes for a test."""
    past_rest(client)
    client.hincrby("tocsin:sender:1", "rest", int((now_s(client) + 50) * MICRO))


def end_s(client: "redis_client.Redis", field: str) -> float:
    """When the rest ("rest"), or that of emergencies ("press"), is over: on Redis's clock."""
    return int(client.hget("tocsin:sender:1", field) or 0) / MICRO


def now_s(client: "redis_client.Redis") -> float:
    """On Redis's clock."""
    seconds, micros = client.time()
    return float(seconds + micros / MICRO)


def test_faults_in_a_row_open_it_for_about_a_second(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    (seen,) = throttle.breaks([1]).values()
    assert FIRST_S * (1 - SPREAD) <= (seen.next_trial_at - seen.since).total_seconds() <= LONGEST_FIRST_S
    rest_for_long(redis)
    assert isinstance(take(throttle, 100), Wait)


def test_faults_of_several_windows_add_up_until_one_succeeds(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    assert not throttle.record_results([granted(throttle, 100)], ["timeout"] * (FAULTS - 1), 0)
    watched = granted(throttle, 100)
    assert watched.watched
    assert not throttle.record_results([watched], [], 5)
    assert not granted(throttle, 100).watched
    assert not throttle.record_results([granted(throttle, 100)], ["timeout"], 0)
    assert not throttle.record_results([granted(throttle, 100)], ["timeout"], 0)
    assert throttle.record_results([granted(throttle, 100)], ["timeout"], 0)


def test_a_window_that_mostly_succeeds_opens_nothing(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    assert not throttle.record_results([granted(throttle, 100)], ["http-500"] * 12, 13)
    assert isinstance(granted(throttle, 100), Grant)


def test_a_healthy_window_asks_redis_nothing(redis: "redis_client.Redis") -> None:
    grant = granted(Throttle(redis), 100)
    with redis_client.Redis(port=1) as nowhere:
        assert not Throttle(nowhere).record_results([grant], [], 25)


def test_half_open_it_gives_one_message_to_one_taker(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    past_rest(redis)
    trial = granted(throttle, 100, want=50)
    assert (trial.trial, trial.messages) == (True, 1)
    assert isinstance(take(throttle, 100), Wait)


def test_a_trial_that_succeeds_closes_it(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    past_rest(redis)
    assert not throttle.record_results([granted(throttle, 100)], [], 1)
    assert throttle.breaks([1]) == {}
    assert granted(throttle, 100).messages == 25


def test_each_trial_that_fails_doubles_the_rest_up_to_a_bound(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    rests = []
    for _ in range(8):
        past_rest(redis)
        before_s = now_s(redis)
        assert throttle.record_results([granted(throttle, 100)], ["http-500"], 0)
        rests.append((end_s(redis, "rest") - now_s(redis), end_s(redis, "rest") - before_s))
    for n, (at_least_s, at_most_s) in enumerate(rests):
        expected = min(LONGEST_S, FIRST_S * 2 ** (n + 1))
        assert expected * (1 - SPREAD) <= at_most_s
        assert at_least_s <= expected * (1 + SPREAD)
    assert len({round(at_least_s / rests[-1][0], 3) for at_least_s, _ in rests[-4:]}) > 1, "no spread"


def test_an_emergency_tries_every_two_seconds_however_long_it_is_open(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    for _ in range(5):
        past_rest(redis)
        before_s = now_s(redis)
        throttle.record_results([granted(throttle, 100)], ["http-500"], 0)
    assert end_s(redis, "rest") - before_s > 10
    assert end_s(redis, "press") - now_s(redis) <= URGENT_S
    past_rest(redis, "press")
    assert granted(throttle, 100, lane=Lane.EMERGENCY).trial
    assert end_s(redis, "press") - before_s > 0, "a trial is under way"
    assert end_s(redis, "press") - now_s(redis) <= 2, "a trial that hangs is not waited for"


def test_late_news_of_earlier_windows_does_not_prolong_the_rest(redis: "redis_client.Redis") -> None:
    throttle = Throttle(redis)
    early, later = granted(throttle, 100), granted(throttle, 100)
    throttle.record_results([early], ["timeout"] * 25, 0)
    before = redis.hget("tocsin:sender:1", "rest")
    assert throttle.record_results([later], ["timeout"] * 25, 0), "it is in trouble"
    assert redis.hget("tocsin:sender:1", "rest") == before


def test_a_trial_without_anything_to_send_is_made_by_the_next_taker(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    past_rest(redis)
    assert not throttle.record_results([granted(throttle, 100)], [], 0)
    assert granted(throttle, 100).trial


def test_a_trial_whose_worker_died_is_made_again(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    past_rest(redis)
    before_s = now_s(redis)
    granted(throttle, 100)
    assert before_s + 20 <= end_s(redis, "rest") <= now_s(redis) + 20
    assert isinstance(take(throttle, 100), Wait)


def test_when_redis_forgets_it_the_next_windows_find_out_again(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    redis.flushdb()
    assert throttle.breaks([1]) == {}
    assert throttle.record_results([granted(throttle, 100)], ["http-500"] * FAULTS, 0)
    rest_for_long(redis)
    assert isinstance(take(throttle, 100), Wait)


def test_people_can_see_since_when_and_why(redis: "redis_client.Redis") -> None:
    began = time.time()
    throttle = broken(redis)
    seen = throttle.breaks([1, 2])
    assert list(seen) == [1]
    assert seen[1].why == "http-500"
    assert began - 0.1 <= seen[1].since.timestamp() <= time.time() + 0.1
    assert seen[1].next_trial_at > seen[1].since


def test_one_line_for_each_transition(redis: "redis_client.Redis", monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(breaker_module.log, "warning", lambda event, **_: lines.append(event), raising=False)
    throttle = broken(redis)
    for _ in range(2):
        past_rest(redis)
        throttle.record_results([granted(throttle, 100)], ["http-500"], 0)
    past_rest(redis)
    throttle.record_results([granted(throttle, 100)], [], 1)
    throttle.record_results([granted(throttle, 100)], [], 25)
    assert lines == ["sender.opened", "sender.rests", "sender.rests", "sender.recovered"]


def test_the_sender_is_back_after_its_rest_when_nobody_pushes_the_clock(redis: "redis_client.Redis") -> None:
    throttle = broken(redis)
    until(lambda: now_s(redis) > end_s(redis, "rest"), 60, "its rest is over")
    trial = take(throttle, 100)
    assert isinstance(trial, Grant)
    throttle.record_results([trial], [], 1)
    assert granted(throttle, 100).messages == 25


def test_workers_share_it(redis: "redis_client.Redis") -> None:
    broken(redis)
    rest_for_long(redis)
    answers: list[object] = []
    others = [threading.Thread(target=lambda: answers.append(take(Throttle(redis), 100))) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert all(isinstance(answer, Wait) and answer.seconds < math.inf for answer in answers)
