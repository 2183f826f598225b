"""Find by trying how many posts a process can start on time, as TCP finds its congestion window.

A slot that is missed is lost, so a process must not take more tokens than it can use. How many it can use depends on
the machine, its other load and the provider, and keeps changing. So the number of posts that may be due at once grows
while all of them leave in time, and shrinks when one is late. The size of a claim is found in the same way.
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
GROWS_BY = 8  # for each reservation whose posts all left in time
SHRINKS_TO = 0.7  # ... if one was late, at most once a round
ROUND_S = 0.1
FIRST_CLAIM, MOST_CLAIM = 128, 512


class Reserved:
    """The posts of one grant, from before its tokens are taken until the last post has started."""

    def __init__(self, messages: int) -> None:
        self.messages = messages  # how many are reserved
        self.waiting = messages  # not started yet
        self.late = 0  # given up because their slots had passed
        self._slots_s: Sequence[float] = ()

    def set_slots(self, slots_s: Sequence[float]) -> None:
        """Set the slots that were granted. A post does not count as due before its slot is near."""
        self._slots_s = slots_s
        self.waiting = len(slots_s)

    def due(self, now_s: float) -> int:
        """Return how many posts must start before a new grant could arrive."""
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
        """The slot of each post (`time.monotonic()`)."""
        posts = 1 if self.bulk else self.grant.messages
        return [self.grant.first_s + n * self.grant.interval_s for n in range(posts)]


class Capacity:
    """The capacity of one process for one provider. Shared by its worker threads and its event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reserved: set[Reserved] = set()
        self._most = FIRST
        self._shrunk_s = float("-inf")

    def reserve(self, want: int) -> Reserved | None:
        """Reserve up to `want` posts until `end` or `release`. Return None while too many are due already."""
        with self._lock:
            now_s = time.monotonic()
            free = self._most - sum(reserved.due(now_s) for reserved in self._reserved)
            if free < min(want, self._most / 2):
                return None
            reserved = Reserved(min(want, free))
            self._reserved.add(reserved)
            return reserved

    def release(self, reserved: Reserved) -> None:
        """Drop a reservation in which nothing was posted."""
        with self._lock:
            self._reserved.discard(reserved)

    def end(self, reserved: Reserved) -> None:
        """End a reservation whose posts have all started or been given up, and adapt the capacity."""
        with self._lock:
            self._reserved.discard(reserved)
            now_s = time.monotonic()
            if not reserved.late:
                self._most = min(MOST, self._most + GROWS_BY)
            elif now_s - self._shrunk_s > ROUND_S:
                self._most, self._shrunk_s = max(LEAST, int(self._most * SHRINKS_TO)), now_s


class ClaimSize:
    """How many deliveries of a sender and lane to claim at once, so that all leave while the claim is fresh."""

    def __init__(self) -> None:
        self.messages = FIRST_CLAIM
        self._shrunk_s = float("-inf")

    def learn(self, asked: int, left_s: float, *, late: bool) -> None:
        """Learn from a claim of `asked` deliveries, the last of which left after `left_s`; `late`: some did not.

        A claim much smaller than allowed shows nothing. Late claims close together count once: one stall delayed them
        all.
        """
        now_s = time.monotonic()
        if late and 2 * asked >= self.messages and now_s - self._shrunk_s > CLAIM_S:
            self.messages, self._shrunk_s = max(LEAST, min(self.messages, asked) // 2), now_s
        elif not late and left_s < CLAIM_S / 3 and asked >= self.messages:
            self.messages = min(MOST_CLAIM, self.messages * 2)
