"""Simulate when messages would leave, from the senders' rates and daily caps. Arithmetic only.

A sender's slot is `1.025 / floor(rate / cost)` seconds, and longer while messages of different cost take turns, as with
two languages (docs/adr/0004). Senders of a channel share its work in proportion to their rates, and caps begin anew at
midnight Pacific.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from notify.delivery.throttle import JITTER, SLICE_S
from notify.delivery.usage import CAP_DAY, day_bounds

FAR = timedelta(days=30)  # the longest forecast


@dataclass(frozen=True, slots=True)
class SimulatedSender:
    """An open sender: messages a second, and messages that its cap allows today and on any other day (None: no cap)."""

    sender_id: int
    address: str
    per_s: float
    today: float | None = None
    a_day: float | None = None


@dataclass(frozen=True, slots=True)
class SendCurve:
    """How many of our messages have left at each time, linear between points; and how many by each sender."""

    began: datetime
    seconds: tuple[float, ...]
    left: tuple[float, ...]
    by_sender: dict[int, float]

    def moment(self, messages: float) -> datetime | None:
        """Return when this many have left, or None for never."""
        if messages > self.left[-1] + 1e-6:
            return None
        # The first point that is high enough: while nothing leaves, the line is flat.
        at = int(np.searchsorted(self.left, messages - 1e-6))
        if at == 0:
            return self.began
        rise = self.left[at] - self.left[at - 1]
        share = (messages - self.left[at - 1]) / rise
        seconds = self.seconds[at - 1] + share * (self.seconds[at] - self.seconds[at - 1])
        return self.began + timedelta(seconds=seconds)

    def left_by(self, moment: datetime) -> float:
        """Return how many have left by this moment."""
        return float(np.interp((moment - self.began).total_seconds(), self.seconds, self.left, left=0.0))


def messages_per_s(rate: float, costs: dict[int, int]) -> float:
    """Return the messages a second of a sender with `rate` tokens a second. `costs`: cost in tokens -> messages."""
    turns = {cost: number / _granted(rate, cost) for cost, number in costs.items() if number}
    if not turns:
        return 1 / _slot_s(rate, 1)
    seconds = over = 0.0
    for through in sorted(turns.values()):  # the rarest is through first; then the others go on without it
        sharing = [cost for cost in turns if turns[cost] >= through]
        seconds += (through - over) * sum(_turn_s(rate, cost, sharing) for cost in sharing)
        over = through
    return sum(costs.values()) / seconds


def _turn_s(rate: float, cost: int, sharing: Sequence[int]) -> float:
    """Return how long one grant takes while a sender alternates between messages of these costs."""
    together, largest = _granted(rate, cost), max(sharing)
    alone_s = together * _slot_s(rate, cost)
    if len(sharing) == 1:
        return alone_s
    if largest <= rate / 2:
        return together * (1 + JITTER) * cost / (math.floor(rate) - largest + 1)
    # Too few of the largest fit into a second to mix sizes: the others use its slots, or there are gaps.
    if cost == largest:
        return alone_s
    gaps_s = _gap_s(rate, cost) + _gap_s(rate, largest) / (len(sharing) - 1)
    return min(together * _slot_s(rate, largest), alone_s + gaps_s)


def _granted(rate: float, cost: int) -> int:
    """Return the number of messages in a grant."""
    most = math.floor(rate * SLICE_S / cost)
    return max(1, min(most, 25), most // 2)


def _slot_s(rate: float, cost: int) -> float:
    fit = math.floor(rate / cost)
    return (1 + JITTER) * (1 / fit if fit else cost / rate)


def _gap_s(rate: float, cost: int) -> float:
    return (1 + JITTER) * min(1, cost / rate)


def simulate(senders: Sequence[SimulatedSender], ahead: float, messages: float, began: datetime) -> SendCurve:
    """Simulate the sending of `messages` after the `ahead` of others, from `began` on."""
    now, left, total = began, ahead + messages, ahead + messages
    allowed = {sender.sender_id: math.inf if sender.today is None else max(sender.today, 0.0) for sender in senders}
    by_sender = dict.fromkeys(allowed, 0.0)
    seconds, out = [0.0], [0.0]
    while left > 1e-9 and now - began < FAR:
        active = [sender for sender in senders if allowed[sender.sender_id] > 1e-9]
        capped = any(sender.a_day for sender in senders)
        if not active and not capped:
            break
        midnight = day_bounds(now.astimezone(CAP_DAY).date())[1]
        step_s = _next_s(
            active, allowed, left, left - messages, (midnight - now).total_seconds() if capped else math.inf
        )
        for sender in active:
            sent = sender.per_s * step_s
            allowed[sender.sender_id] -= sent
            left -= sent
            if total - left > ahead + 1e-9:
                by_sender[sender.sender_id] += sent
        now += timedelta(seconds=step_s)
        if now >= midnight:
            allowed |= {sender.sender_id: sender.a_day for sender in senders if sender.a_day is not None}
        seconds.append((now - began).total_seconds())
        out.append(min(messages, max(0.0, total - left - ahead)))
    return SendCurve(began.astimezone(UTC), tuple(seconds), tuple(out), by_sender)


def _next_s(
    active: Sequence[SimulatedSender], allowed: dict[int, float], left: float, ahead_left: float, to_midnight_s: float
) -> float:
    """Return the time until something changes: all is sent, or all ahead is, a cap is reached, or a new day begins."""
    per_s = sum(sender.per_s for sender in active)
    ends = [to_midnight_s, *(allowed[sender.sender_id] / sender.per_s for sender in active)]
    if per_s:
        ends.append(left / per_s)
        if ahead_left > 1e-9:
            ends.append(ahead_left / per_s)
    # A datetime has microseconds: anything less would not move it.
    return max(min(ends), 1e-6)
