"""Who works on which batch in a worker process: seats for each channel, so that a slow one leaves the others theirs.

A doorbell wakes somebody for a channel. Who is awake goes on with whatever batch of that channel should go next, and
rests when none waits; a doorbell that finds all seats of its channel taken needs nobody more.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from notify.limits import Throttle
from notify.models import Lane
from notify.pipeline import records
from notify.pipeline.sending import Batch
from notify.pipeline.transport import Transport
from notify.settings import Settings


class Runners:
    """Of one process. `lanes`: those that it serves."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        settings: Settings,
        throttle: Throttle,
        transport: Callable[[], Transport],
        stop: threading.Event,
    ) -> None:
        self._lanes = lanes
        self._settings = settings
        self._throttle = throttle
        self._transport = transport
        self._stop = stop
        self._lock = threading.Lock()
        self._seated: Counter[str] = Counter()
        self._unheard: set[str] = set()  # channels whose doorbell rang while all their seats were taken

    def answer(self, channel: str) -> None:
        """Send batches of a channel until none waits, or its senders have long to wait.

        An error with one batch is raised after the others who rang meanwhile have been heard.
        """
        broken: Exception | None = None
        while self._sit_down(channel):
            try:
                self._send(channel)
            except Exception as error:
                broken = error
            finally:
                self._get_up(channel)
            if not self._rang_again(channel):
                break
        if broken is not None:
            raise broken

    def _send(self, channel: str) -> None:
        while not self._stop.is_set():
            held = records.lease_next(self._lanes, channel, self._settings.lease_s)
            if held is None:
                return
            if not Batch(held, self._settings, self._throttle, self._transport(), self._stop).run():
                return  # the others would have to wait as long; the sweep rings for them

    def _sit_down(self, channel: str) -> bool:
        with self._lock:
            if self._seated[channel] >= self._settings.worker_threads:
                self._unheard.add(channel)
                return False
            self._seated[channel] += 1
            return True

    def _get_up(self, channel: str) -> None:
        with self._lock:
            self._seated[channel] -= 1

    def _rang_again(self, channel: str) -> bool:
        """A batch may have come after we had looked for one."""
        with self._lock:
            rang = channel in self._unheard and not self._stop.is_set()
            self._unheard.discard(channel)
            return rang
