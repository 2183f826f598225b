"""Daily caps: PostgreSQL knows what went out; Redis only remembers it."""

import math
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import redis as redis_client
from sqlalchemy import text

from notify.core.db import transaction
from notify.delivery import usage
from notify.delivery.throttle import Allowance, Grant, Throttle, Wait
from notify.models import Lane
from tests.factories import alert_resolved, resident, sender, zone
from tests.waiting import until

NOON = datetime(2027, 1, 11, 20, 0, tzinfo=UTC)  # in Los Angeles
TODAY = date(2027, 1, 11)


def sent(people: int, state: str, at: datetime = NOON, reference: str | None = None) -> int:
    """Deliveries that a sender claimed at a time, in this state; the sender's id."""
    with transaction() as s:
        zone(s, now=at)
        made = sender(s, now=at)
        for _ in range(people):
            resident(s, now=at)
    alert = alert_resolved(now=at)
    why = "a test" if state in ("unknown", "undelivered", "failed", "skipped") else None
    values = {"state": state, "why": why, "sender": made.id, "at": at, "reference": reference, "alert": alert}
    with transaction() as s:
        s.execute(
            text("""UPDATE deliveries SET state = CAST(:state AS delivery_state), reason = :why, sender_id = :sender,
                           claimed_at = :at, reference = :reference WHERE alert_id = :alert"""),
            values,
        )
    return made.id


def cost() -> int:
    with transaction() as s:
        return int(s.execute(text("SELECT cost FROM contents WHERE language = 'en'")).scalar_one())


@pytest.mark.parametrize("state", ["sending", "accepted", "unknown", "delivered", "undelivered"])
def test_what_the_provider_has_or_may_have_counts(database: str, state: str) -> None:
    assert usage.used_on(sent(3, state), TODAY) == 3 * cost()


@pytest.mark.parametrize("state", ["queued", "skipped", "failed"])
def test_what_the_provider_never_took_does_not_count(database: str, state: str) -> None:
    assert usage.used_on(sent(3, state), TODAY) == 0


def test_what_failed_after_the_provider_took_it_counts(database: str) -> None:
    assert usage.used_on(sent(3, "failed", reference="SM1"), TODAY) == 3 * cost()


def test_the_day_begins_at_midnight_pacific(database: str) -> None:
    first = datetime(2027, 1, 11, 8, 0, tzinfo=UTC)  # midnight in Los Angeles
    by = sent(2, "accepted", at=first - timedelta(milliseconds=1))
    assert (usage.used_on(by, TODAY - timedelta(days=1)), usage.used_on(by, TODAY)) == (2 * cost(), 0)


def test_the_day_of_the_clock_change_has_23_hours() -> None:
    begins, ends = usage.day_bounds(date(2027, 3, 14))
    assert ends - begins == timedelta(hours=23)


class Day:
    """A capped sender, taking as a worker does."""

    def __init__(self, client: "redis_client.Redis", sender_id: int, used_on: Any = usage.used_on) -> None:
        self.throttle = Throttle(client, used_on)
        self._sender = sender_id

    def take(self, cap: int | None, want: int = 1000, unit: int = 1, now: datetime = NOON) -> Grant | Wait:
        return self.throttle.take(Allowance(self._sender, 1000, cap), want, Lane.ROUTINE, unit=unit, now=now)

    def granted(self, cap: int | None, want: int = 1000, now: datetime = NOON) -> Grant:
        def grant() -> Grant | None:
            answer = self.take(cap, want, now=now)
            return answer if isinstance(answer, Grant) else None

        found = until(grant, 60, "a grant")
        assert found is not None
        return found

    def until_used_up(self, cap: int) -> None:
        until(lambda: self.take(cap) == Wait(math.inf), 60, "the cap is used up")


def test_a_wiped_redis_does_not_forget_what_went_out_today(database: str, redis: "redis_client.Redis") -> None:
    day = Day(redis, sent(30, "accepted"))
    cap = 30 * cost() + 5
    assert day.granted(cap).messages == 5
    redis.flushdb()
    assert day.granted(cap, 5).messages == 5, "PostgreSQL had not heard of the five"
    redis.flushdb()
    assert day.granted(cap, 3).messages == 3
    assert day.granted(cap).messages == 2
    day.until_used_up(cap)


def test_a_cap_that_is_new_counts_the_whole_day(database: str, redis: "redis_client.Redis") -> None:
    day = Day(redis, sent(30, "accepted"))
    day.granted(None, 10)
    assert day.granted(30 * cost() + 5).messages == 5


def test_a_cap_that_is_raised_or_lowered_acts_at_once(database: str, redis: "redis_client.Redis") -> None:
    day = Day(redis, 1)
    day.granted(100, 50)
    day.until_used_up(50)
    assert day.granted(60).messages == 10
    assert day.take(20) == Wait(math.inf)


def test_it_is_counted_once_and_not_again(database: str, redis: "redis_client.Redis") -> None:
    asked: list[date] = []

    def used_on(_: int, day: date) -> int:
        asked.append(day)
        return 7

    days = [Day(redis, 1, used_on) for _ in range(3)]
    days[0].granted(50, 1)
    for day in days:
        day.granted(50, 1)
    assert asked == [TODAY]
    days[0].granted(50, 1, now=NOON + timedelta(days=1))
    assert asked == [TODAY], "a bucket that has seen all of the day needs no count"


def test_slots_that_were_handed_out_before_the_wipe_are_over_when_it_is_counted(
    database: str, redis: "redis_client.Redis"
) -> None:
    """A claim may be made until its last slot: what is counted before that would be too little."""
    counted: list[float] = []

    def used_on(_: int, __: date) -> int:
        counted.append(time.monotonic())
        return 0

    day = Day(redis, 1, used_on)
    before = day.granted(None)
    redis.flushdb()
    day.granted(5000, 1)
    assert counted[0] > before.first_s + before.messages * before.interval_s + 0.02


def test_who_counts_and_dies_is_followed_by_another(database: str, redis: "redis_client.Redis") -> None:
    class Dies(Exception):
        pass

    def dies(_: int, __: date) -> int:
        raise Dies

    first = Day(redis, 1, dies)
    with pytest.raises(Dies):
        first.granted(50)
    assert Day(redis, 1, lambda *_: 45).granted(50).messages == 5


def test_another_hosts_clock_that_is_behind_does_not_begin_the_day_again(
    database: str, redis: "redis_client.Redis"
) -> None:
    day = Day(redis, 1)
    midnight = datetime(2027, 1, 12, 8, 0, tzinfo=UTC)
    day.granted(10, 1, now=midnight - timedelta(seconds=1))
    assert day.granted(10, 6, now=midnight).messages == 6
    assert day.granted(10, now=midnight - timedelta(seconds=1)).messages == 4
    assert day.take(10, now=midnight) == Wait(math.inf)


def test_tokens_that_were_not_used_come_back_to_the_day(database: str, redis: "redis_client.Redis") -> None:
    day = Day(redis, 1)
    grant = day.granted(10, 10)
    day.until_used_up(10)
    day.throttle.give_back(grant, 4, slots=False)
    assert day.granted(10).messages == 4
    tomorrow = day.granted(10, 5, now=NOON + timedelta(days=1))
    day.throttle.give_back(grant, 4, slots=False)
    assert tomorrow.day > grant.day
    assert day.granted(10, now=NOON + timedelta(days=1)).messages == 5, "yesterday's tokens are gone"
