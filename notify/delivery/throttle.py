"""The throttle: a provider never sees more than a sender's rate in any one-second window (law 6).

A grant is a run of time slots on Redis's clock; the worker posts each message in its slot, so the stream at the
provider is even for any number of workers. If Redis is gone, workers wait: they never send unthrottled.
The arithmetic is in `throttle.lua`, which Redis runs as one atomic step.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any, NamedTuple

import redis
import structlog

from notify.delivery import usage
from notify.delivery.breaker import MICRO, Break, Breaker, key_of
from notify.delivery.usage import CAP_DAY
from notify.models import Lane

log = structlog.get_logger()

JITTER = 0.025  # share of the rate left unused; pays for up to 25 ms between a slot and the post's arrival
LATENESS_S = 0.012  # a message that would leave later than this after its slot gives the slot up
SLICE_S = 0.25  # a grant takes at most this many seconds of the rate
BULK_SLICE_S = 0.1  # ... where one request carries the whole grant
LEAD_S = 0.02  # from a grant to its first slot: the claim is made in between
HORIZON_S = 0.1  # how far ahead of now a run of slots may begin: keeps consent checks fresh (law 4)
CLOCK_READINGS = 5  # before the first grant; the one with the shortest round trip counts
CLOCK_STEP_S = 0.5  # a larger change between Redis's clock and ours: one was set
LONGEST_REST_S = 600.0  # a provider that asks for more is asked again after this
TRIAL_S, URGENT_TRIAL_S = 20.0, 2.0  # how long a half-open breaker waits for its trial before the next
UNCOUNTED = -2  # as a wait: count the day's tokens first


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of a sender, as stored in PostgreSQL: tokens a second and a day."""

    sender_id: int
    rate_per_s: float
    daily_cap: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """`messages` may be sent: the n-th at `first_s + n * interval_s` on this process's `time.monotonic()`.

    In bulk, all are sent together at `first_s`. `day`: the day whose cap they count for. `watched`: the sender had
    faults lately, so successes must be reported to the breaker, too. `trial`: the breaker is half open, and this is the
    one message that tests it.
    """

    sender_id: int
    messages: int
    first_s: float
    interval_s: float
    day: str = ""
    span: tuple[str, str] = ("", "")  # its first slot and the first one after it, on Redis's clock
    watched: bool = False
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """No tokens now. Ask again after `seconds`; infinite when the daily cap is used up."""

    seconds: float


class Throttle:
    """One per process; safe to use from several threads.

    `used_on(sender_id, day)` counts in PostgreSQL how many tokens of a day's cap are used. It is called only when Redis
    does not know: after it was wiped, or when a cap is new.
    """

    def __init__(self, client: "redis.Redis", used_on: Callable[[int, date], int] = usage.used_on) -> None:
        self._take = client.register_script(files("notify.delivery").joinpath("throttle.lua").read_text())
        self._close = client.register_script(_CLOSE)
        self._counted = client.register_script(_COUNTED)
        self._unused = client.register_script(_UNUSED)
        self._used_on = used_on
        self._time = client.time
        self._clock = _ServerClock()
        self._breaker = Breaker(client)

    def take(
        self,
        allowance: Allowance,
        want: int,
        lane: Lane,
        *,
        unit: int = 1,
        bulk: bool = False,
        at_once: int | None = None,
        ahead: bool = False,
        within_s: float = LONGEST_REST_S,
        now: datetime,
    ) -> Grant | Wait:
        """Ask to send `want` messages of `unit` tokens each; `bulk`: in one request. Raises redis.RedisError.

        `at_once`: the most to grant now, even if more are wanted. `ahead`: of other routine takers, to which half
        of the slots are left. `within_s`: grant no slot that begins later.
        """
        day = now.astimezone(CAP_DAY).date()
        most = want if at_once is None else at_once
        self._read_clock()
        asked = time.monotonic()
        answer = _Answer(
            *self._take(
                keys=[key_of(allowance.sender_id)],
                args=_question(
                    allowance, want, lane, day, unit=unit, bulk=bulk, at_once=most, ahead=ahead, within_s=within_s
                ),
            )
        )
        self._clock.add(int(answer.now) / MICRO, asked, time.monotonic())
        if int(answer.wait) == UNCOUNTED:
            self._count(allowance.sender_id, day)
            return Wait(0.0)
        if answer.granted == 0:
            return Wait(math.inf if int(answer.wait) < 0 else int(answer.wait) / MICRO)
        return self._grant(allowance.sender_id, day, answer)

    def now(self) -> datetime:
        """Return the time on Redis's clock, so that a host's wrong clock cannot begin a cap's day early. Raises
        redis.RedisError."""
        self._read_clock()
        return datetime.fromtimestamp(self._clock.server(time.monotonic()), UTC)

    def close(self, sender_id: int, seconds: float) -> None:
        """Close this sender to all workers for a while: the provider answered 429 with Retry-After."""
        self._close(keys=[key_of(sender_id)], args=[int(min(seconds, LONGEST_REST_S) * MICRO)])

    def record_results(self, grants: Sequence[Grant], faults: Sequence[str], others: int) -> bool:
        """Record the results of grants of one sender: the codes of the provider's faults, and how many answers show
        that it works.

        Returns whether the sender is in trouble: its breaker has opened, or stays open. Calls Redis only when there is
        something to record.
        """
        if not faults and not any(grant.watched for grant in grants):
            return False
        trial = any(grant.trial for grant in grants)
        return self._breaker.record_results(grants[0].sender_id, faults, others, trial=trial)

    def breaks(self, sender_ids: Sequence[int]) -> dict[int, Break]:
        """Return the open breakers of these senders."""
        return self._breaker.open_ones(sender_ids)

    def give_back(self, grant: Grant, tokens: int, *, slots: bool) -> None:
        """Return unused tokens of the daily cap; with `slots`, also the slots of a grant that was not used at all.

        The slots can be granted again if no later ones have been granted; else they lapse.
        """
        if tokens > 0:
            first, end = grant.span
            self._unused(keys=[key_of(grant.sender_id)], args=[grant.day, tokens, end if slots else "", first])

    def _read_clock(self) -> None:
        """Read Redis's clock before its first use, several times: one round trip may be slow."""
        if not self._clock.known:
            for _ in range(CLOCK_READINGS):
                asked = time.monotonic()
                seconds, micros = self._time()
                self._clock.add(seconds + micros / MICRO, asked, time.monotonic())

    def _grant(self, sender_id: int, day: date, answer: "_Answer") -> Grant:
        return Grant(
            sender_id,
            int(answer.granted),
            self._clock.local(int(answer.first) / MICRO),
            int(answer.length) / MICRO,
            day.isoformat(),
            (answer.first.decode(), answer.end.decode()),
            watched=bool(answer.note),
            trial=answer.note == b"trial",
        )

    def _count(self, sender_id: int, day: date) -> None:
        used = self._used_on(sender_id, day)
        self._counted(keys=[key_of(sender_id)], args=[day.isoformat(), used])
        log.info("sender.day_counted", sender=sender_id, used=used)


def _question(
    allowance: Allowance,
    want: int,
    lane: Lane,
    day: date,
    *,
    unit: int,
    bulk: bool,
    at_once: int,
    ahead: bool,
    within_s: float,
) -> list[Any]:
    """Return the arguments of `throttle.lua`, in its order."""
    return [
        want,
        unit,
        int(bulk),
        "ahead" if ahead and lane is Lane.ROUTINE else lane.value,
        allowance.rate_per_s,
        JITTER,
        int((BULK_SLICE_S if bulk else SLICE_S) * MICRO),
        int(LEAD_S * MICRO),
        int(HORIZON_S * MICRO),
        allowance.daily_cap or 0,
        day.isoformat(),
        int(TRIAL_S * MICRO),
        int(URGENT_TRIAL_S * MICRO),
        at_once,
        max(0, int(within_s * MICRO)),
    ]


class _Answer(NamedTuple):
    """The answer of `throttle.lua`, in its order; times in microseconds on Redis's clock."""

    granted: int
    first: bytes
    length: bytes
    now: bytes
    wait: bytes
    note: bytes
    end: bytes


class _ServerClock:
    """An estimate of Redis's clock, from the recent answer with the shortest round trip."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=64)  # (round trip, server - local), in seconds

    def add(self, server_s: float, asked: float, answered: float) -> None:
        offset_s = server_s - (asked + answered) / 2
        error_s = (answered - asked) / 2  # at most: a slow answer is not a clock that was set
        if self._samples and abs(offset_s - min(list(self._samples))[1]) > CLOCK_STEP_S + error_s:
            self._samples = deque(maxlen=64)  # a clock was set
        self._samples.append((answered - asked, offset_s))

    @property
    def known(self) -> bool:
        return bool(self._samples)

    def local(self, server_s: float) -> float:
        """Convert a server time to `time.monotonic()`."""
        return server_s - self._offset_s()

    def server(self, local_s: float) -> float:
        """Convert a `time.monotonic()` to server time."""
        return local_s + self._offset_s()

    def _offset_s(self) -> float:
        return min(list(self._samples))[1]


# A shorter rest does not end a longer one.
_CLOSE = """
local time = redis.call('TIME')
local till = time[1] * 1000000 + time[2] + ARGV[1]
if till > (tonumber(redis.call('HGET', KEYS[1], 'closed')) or 0) then
    redis.call('HSET', KEYS[1], 'closed', string.format('%.0f', till))
end
"""

# Only the first count for the current day is stored.
_COUNTED = """
if redis.call('HGET', KEYS[1], 'day') == ARGV[1] and redis.call('HGET', KEYS[1], 'counted') ~= ARGV[1] then
    redis.call('HSET', KEYS[1], 'counted', ARGV[1], 'used', ARGV[2])
end
"""

_UNUSED = """
if redis.call('HGET', KEYS[1], 'day') == ARGV[1] then
    local used = tonumber(redis.call('HGET', KEYS[1], 'used')) - ARGV[2]
    redis.call('HSET', KEYS[1], 'used', string.format('%.0f', math.max(0, used)))
end
if redis.call('HGET', KEYS[1], 'tat') == ARGV[3] then redis.call('HSET', KEYS[1], 'tat', ARGV[4]) end
"""
