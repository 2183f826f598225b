"""How many posts a process can start in their slots: found by trying, as TCP finds the width of a way.

A slot that is missed is lost, so a process must not take more tokens than it can use. What it can do depends on the
machine, its neighbours and the provider, and changes all the time. So the number of posts that may be due at once
grows while all of them leave in time, and shrinks when one is late.
"""

import threading
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from notify.delivery.leases import CLAIM_S
from notify.delivery.sender_pool import OpenSender
from notify.delivery.throttle import LEAD_S, Grant

FIRST, LEAST, MOST = 128, 8, 1024
GROWS_BY = 8  # with each reserved that left in time
SHRINKS_TO = 0.7  # when a post was late, at most once in a round
ROUND_S = 0.1
FIRST_CLAIM, MOST_CLAIM = 128, 512


class Reserved:
    """The posts of one grant, from before its tokens are taken until the last post is started."""

    def __init__(self, messages: int) -> None:
        self.messages = messages  # that there is reserved for
        self.waiting = messages  # not started yet
        self.late = 0  # started too late, that is, given up
        self._slots_s: Sequence[float] = ()

    def has(self, slots_s: Sequence[float]) -> None:
        """Its slots are known: what lies further ahead is not due."""
        self._slots_s = slots_s
        self.waiting = len(slots_s)

    def due(self, now_s: float) -> int:
        """Posts that must be started within the time that a grant takes to come."""
        later = len(self._slots_s) - bisect_right(self._slots_s, now_s + LEAD_S)
        return max(0, self.waiting - later)


@dataclass(frozen=True, slots=True)
class Window:
    """A number of messages that one sender may send, with their slots."""

    sender: OpenSender
    grant: Grant
    reserved: Reserved
    bulk: bool  # one post for all of them

    @property
    def slots_s(self) -> list[float]:
        """A slot for each post."""
        posts = 1 if self.bulk else self.grant.messages
        return [self.grant.first_s + n * self.grant.interval_s for n in range(posts)]


class Capacity:
    """Of one process towards one provider. Used by its worker threads and its event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reserved: set[Reserved] = set()
        self._most = FIRST
        self._shrunk_s = float("-inf")

    def reserve(self, want: int) -> Reserved | None:
        """Reserve for up to `want` posts, to be ended by `end`; None while too many are due already."""
        with self._lock:
            now_s = time.monotonic()
            free = self._most - sum(reserved.due(now_s) for reserved in self._reserved)
            if free < min(want, self._most / 2):
                return None
            reserved = Reserved(min(want, free))
            self._reserved.add(reserved)
            return reserved

    def release(self, reserved: Reserved) -> None:
        """Nothing is posted in it."""
        with self._lock:
            self._reserved.discard(reserved)

    def end(self, reserved: Reserved) -> None:
        """All its posts are started, or were too late."""
        with self._lock:
            self._reserved.discard(reserved)
            now_s = time.monotonic()
            if not reserved.late:
                self._most = min(MOST, self._most + GROWS_BY)
            elif now_s - self._shrunk_s > ROUND_S:
                self._most, self._shrunk_s = max(LEAST, int(self._most * SHRINKS_TO)), now_s


class ClaimSize:
    """How many deliveries one process claims at once for one provider, so that all leave while the claim is fresh."""

    def __init__(self) -> None:
        self.messages = FIRST_CLAIM

    def learn(self, messages: int, took_s: float, *, late: bool) -> None:
        """From a claim of so many, whose posts were answered after `took_s`; `late`: some had not left in time.

        A claim that was smaller than it might have been does not show that a larger one would leave in time.
        """
        if late:
            self.messages = max(1, self.messages // 2)
        elif took_s < CLAIM_S / 3 and messages >= self.messages:
            self.messages = min(MOST_CLAIM, self.messages * 2)
