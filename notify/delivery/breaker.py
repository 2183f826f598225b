"""The circuit breaker of a sender: after repeated faults, stop for a while, then try again with one message.

Its state is in the sender's hash in Redis, beside the throttle's: all workers share it, and `throttle.lua` obeys it.
If Redis loses it, the next windows find the faults again. Emergencies try every two seconds, however long it is open.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import redis
import structlog

log = structlog.get_logger()

MICRO = 1_000_000
FAULTS = 3  # this many in a row open it
FIRST_S, LONGEST_S = 1.0, 15.0  # how long it is open: doubled after each failed trial
URGENT_S = 2.0  # ... at most, for an emergency
SPREAD = 0.2  # senders that failed together do not all come back together


@dataclass(frozen=True, slots=True)
class Break:
    """A breaker that is open: since when and why, and when the next trial may be made. Times aware, UTC."""

    since: datetime
    why: str
    next_trial_at: datetime


class Breaker:
    """One per process; safe to use from several threads. All methods may raise redis.RedisError."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._script = client.register_script(files("notify.delivery").joinpath("breaker.lua").read_text())

    def record_results(self, sender_id: int, faults: Sequence[str], others: int, *, trial: bool) -> bool:
        """Record a window: the codes of the provider's faults, and how many answers show that it works.

        Returns whether the sender is in trouble: its breaker has opened, or stays open.
        """
        why = max(set(faults), key=faults.count) if faults else ""
        spread = 1 + SPREAD * (2 * random.random() - 1)  # noqa: S311 - no secret
        limits = (FAULTS, int(FIRST_S * MICRO), int(LONGEST_S * MICRO), int(URGENT_S * MICRO), spread)
        values: list[str | int | float] = [len(faults), others, int(trial), why, *limits]
        happened, rest = self._script(keys=[key_of(sender_id)], args=values)
        _log_transition(happened.decode(), sender_id, why, int(rest) / MICRO)
        return len(faults) > 0 and len(faults) >= others and (happened != b"" or self._is_open(sender_id))

    def open_ones(self, sender_ids: Sequence[int]) -> dict[int, Break]:
        """Return the open breakers of these senders."""
        with self._redis.pipeline(transaction=False) as asked:
            for sender_id in sender_ids:
                asked.hgetall(key_of(sender_id))
            found = dict(zip(sender_ids, asked.execute(), strict=True))
        return {sender_id: _read(state) for sender_id, state in found.items() if b"broken" in state}

    def _is_open(self, sender_id: int) -> bool:
        return bool(self._redis.hexists(key_of(sender_id), "broken"))


def key_of(sender_id: int) -> str:
    """Return the key of a sender's hash in Redis, which the throttle uses, too."""
    return f"tocsin:sender:{sender_id}"


def _log_transition(happened: str, sender_id: int, why: str, rest_s: float) -> None:
    """Log one line for each transition."""
    if happened == "closed":
        log.warning("sender.recovered", sender=sender_id)
    elif happened:
        # In whole seconds: an outage makes few different lines (`logs.Repeats`).
        log.warning(f"sender.{happened}", sender=sender_id, why=why, seconds=round(rest_s))


def _read(state: Mapping[bytes, Any]) -> Break:
    return Break(_moment(state[b"broken"]), state.get(b"why", b"").decode(), _moment(state.get(b"rest", b"0")))


def _moment(micro: bytes) -> datetime:
    return datetime.fromtimestamp(int(micro) / MICRO, UTC)
