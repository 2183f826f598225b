"""The throttle: a provider never sees more than a sender's rate in any one-second window (law 6).

A grant is a run of time slots on Redis's clock; the worker posts each message in its slot, so the stream at the
provider is even, whatever the number of workers. If Redis is gone, workers wait: they do not send unthrottled.
The arithmetic stands in `limits.lua`, so that it is one atomic step.
"""

import math
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import redis

from notify.models import Lane

MICRO = 1_000_000
JITTER = 0.025  # share of the rate left unused; pays for up to 25 ms between a slot and the post's arrival
LATENESS_S = 0.02  # a message that would leave later than this after its slot gives the slot up
SLICE_S = 0.25  # most of the rate that one grant takes
BULK_SLICE_S = 0.1  # ... where one request carries the whole grant
LEAD_S = 0.02  # from a grant to its first slot: the claim is made in between
HORIZON_S = 0.1  # how far ahead of now a run of slots may begin: keeps consent checks fresh (law 4)
CLOCK_STEP_S = 0.5
LONGEST_REST_S = 600.0  # a provider that asks for more is asked again after this
CAP_DAY = ZoneInfo("America/Los_Angeles")  # T-Mobile's daily caps reset at midnight Pacific


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a sender may do, as PostgreSQL says: tokens a second and a day."""

    sender_id: int
    rate_per_s: float
    daily_cap: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """`messages` may be sent: the n-th at `first_s + n * interval_s` on this process's `time.monotonic()`.

    In bulk all of them go out together, at `first_s`.
    """

    sender_id: int
    messages: int
    first_s: float
    interval_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """No tokens now. Ask again after `seconds`; infinite when the daily cap is used up."""

    seconds: float


class Throttle:
    """One per process; safe to use from several threads."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._take = client.register_script(files("notify").joinpath("limits.lua").read_text())
        self._close = client.register_script(_CLOSE)
        self._clock = _ServerClock()

    def take(
        self, allowance: Allowance, want: int, lane: Lane, *, unit: int = 1, bulk: bool = False, now: datetime
    ) -> Grant | Wait:
        """Ask to send `want` messages of `unit` tokens each; `bulk`: in one request. Raises redis.RedisError."""
        asked = time.monotonic()
        granted, first, length, server_now, wait = self._take(
            keys=[_key(allowance.sender_id)],
            args=[
                want,
                unit,
                int(bulk),
                lane.value,
                allowance.rate_per_s,
                JITTER,
                int((BULK_SLICE_S if bulk else SLICE_S) * MICRO),
                int(LEAD_S * MICRO),
                int(HORIZON_S * MICRO),
                allowance.daily_cap or 0,
                now.astimezone(CAP_DAY).date().isoformat(),
            ],
        )
        self._clock.heard(int(server_now) / MICRO, asked, time.monotonic())
        if granted == 0:
            seconds = int(wait) / MICRO
            return Wait(math.inf if seconds < 0 else seconds)
        first_s = self._clock.local(int(first) / MICRO)
        return Grant(allowance.sender_id, int(granted), first_s, int(length) / MICRO)

    def close(self, sender_id: int, seconds: float) -> None:
        """Let nobody send through this sender for a while: the provider said 429 with Retry-After."""
        self._close(keys=[_key(sender_id)], args=[int(min(seconds, LONGEST_REST_S) * MICRO)])


class _ServerClock:
    """Redis's clock seen from here: of the last answers, the one with the shortest round trip is the most exact."""

    def __init__(self) -> None:
        self._heard: deque[tuple[float, float]] = deque(maxlen=64)  # (round trip, server - local), in seconds

    def heard(self, server_s: float, asked: float, answered: float) -> None:
        offset_s = server_s - (asked + answered) / 2
        if self._heard and abs(offset_s - min(list(self._heard))[1]) > CLOCK_STEP_S:
            self._heard.clear()  # somebody set the clock
        self._heard.append((answered - asked, offset_s))

    def local(self, server_s: float) -> float:
        """The `time.monotonic()` of a server time."""
        return server_s - min(list(self._heard))[1]


# A shorter rest does not end a longer one.
_CLOSE = """
local time = redis.call('TIME')
local till = time[1] * 1000000 + time[2] + ARGV[1]
if till > (tonumber(redis.call('HGET', KEYS[1], 'closed')) or 0) then
    redis.call('HSET', KEYS[1], 'closed', string.format('%.0f', till))
end
"""


def _key(sender_id: int) -> str:
    return f"tocsin:sender:{sender_id}"
