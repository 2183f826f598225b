"""Slots for each kind of work in a worker process, so that slow work of one kind cannot block another.

A doorbell, which is a Celery message, wakes a thread for one channel of a lane. The thread works on one batch after
another until none is left. A doorbell that finds all slots taken is only noted. There are more threads than slots, so
that one is always free for a doorbell (`worker.py`).
"""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from notify.core.settings import Settings
from notify.delivery import leases, reconcile, recovery
from notify.delivery.send_batch import LeasedBatch
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.models import Lane

RESOLVERS = 4  # alerts of a lane whose audiences are resolved at the same time
RECONCILERS = 2  # threads that ask a provider about unknown outcomes; transport.py limits the open queries


class Slots:
    """A fixed number of slots for each key."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._lock = threading.Lock()
        self._taken: Counter[Hashable] = Counter()
        self._unheard: set[Hashable] = set()  # keys whose doorbell rang while all slots were taken

    @contextmanager
    def one(self, key: Hashable) -> Iterator[bool]:
        """Take a slot for the block. Yields whether one was free; if not, `rang_again` will report it."""
        free = self._take(key)
        try:
            yield free
        finally:
            if free:
                self._give_back(key)

    def _take(self, key: Hashable) -> bool:
        with self._lock:
            free = self._taken[key] < self._each
            if free:
                self._taken[key] += 1
            else:
                self._unheard.add(key)
            return free

    def _give_back(self, key: Hashable) -> None:
        with self._lock:
            self._taken[key] -= 1

    def rang_again(self, key: Hashable) -> bool:
        """Return whether a doorbell found no free slot since the last call."""
        with self._lock:
            rang = key in self._unheard
            self._unheard.discard(key)
            return rang


class WorkerSlots:
    """The slots of one worker process, and the work done in them."""

    def __init__(
        self,
        settings: Settings,
        throttle: Throttle,
        transport: Callable[[], Transport],
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._throttle = throttle
        self._transport = transport
        self._stop = stop
        self._senders = Slots(settings.worker_threads)
        self._reconcilers = Slots(RECONCILERS)
        self._resolvers = Slots(RESOLVERS)

    def count(self, lanes: int, channels: int) -> int:
        """Return the number of slots in a process that serves this many lanes and channels."""
        return lanes * (channels * (self._settings.worker_threads + RECONCILERS) + RESOLVERS)

    def send(self, lane: Lane, channel: str) -> None:
        """Send batches until none is left, or until the senders of the channel have to wait for long."""
        self._answer(self._senders, lane, channel, self._send_next)

    def reconcile(self, lane: Lane, channel: str) -> None:
        """Reconcile unknown outcomes, batch by batch, until none is due."""
        self._answer(self._reconcilers, lane, channel, self._reconcile_next)

    def resolve(self, lane: Lane, work: Callable[[], None]) -> None:
        """Do `work` if a slot is free; if not, the sweep rings for that alert again in a second."""
        with self._resolvers.one(lane) as free:
            if free:
                work()

    def _answer(self, slots: Slots, lane: Lane, channel: str, work_on_next: Callable[[Lane, str], bool]) -> None:
        """Work on one batch after another until none is left.

        An error with a batch is raised after the doorbells that rang meanwhile have been answered.
        """
        broken: Exception | None = None
        ringing = True
        while ringing:
            with slots.one((lane, channel)) as free:
                if not free:
                    break
                try:
                    while not self._stop.is_set() and work_on_next(lane, channel):
                        pass
                except Exception as error:
                    broken = error
            # A batch may have come after the last look.
            ringing = slots.rang_again((lane, channel)) and not self._stop.is_set()
        if broken is not None:
            raise broken

    def _send_next(self, lane: Lane, channel: str) -> bool:
        held = leases.lease_next(lane, channel, self._settings.lease_s)
        if held is None:
            return False
        # If one has to wait for long, so have the others; the sweep rings for them.
        return LeasedBatch(held, self._settings, self._throttle, self._transport(), self._stop).send()

    def _reconcile_next(self, lane: Lane, channel: str) -> bool:
        batch = recovery.next_unsettled(lane, channel, self._settings.reconcile_after_s)
        if batch is not None:
            reconcile.reconcile_batch(batch, self._settings, self._transport())
        return batch is not None
