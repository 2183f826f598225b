"""Post to providers from one event loop, in a thread of its own that all batches of a worker process share.

Worker threads hand over a window of posts and wait for the outcomes. Each post leaves in its slot. One that is late
gives its slot up, so that a process that stalled or was suspended sends nothing that is outdated.
"""

import asyncio
import math
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import structlog
import uvloop

from notify.channels import registry
from notify.channels.contract import Accepted, Adapter, Ambiguous, Late, Message, SendError
from notify.channels.http.outbound import Outbound, open_client
from notify.core.settings import Settings
from notify.delivery.capacity import Capacity, ClaimSize, Reserved
from notify.delivery.throttle import LATENESS_S
from notify.models import Lane

log = structlog.get_logger()
T = TypeVar("T")

CONNECTIONS = 256  # open requests of a process at one provider
QUESTIONS = 16  # ... and open queries about unknown outcomes; providers throttle those, too
TICK_S = 0.002  # a shorter wait for a slot is left out: a timer would cost more than the message


Answer = Accepted | SendError | Ambiguous | Late


class Posted(NamedTuple):
    """The outcome of one post, and when it was started or given up (aware, UTC)."""

    message: Message
    answer: Answer
    left_at: datetime


class Transport:
    """One per worker process. `close` when the process ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = open_client(Outbound.of(settings))
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="providers", daemon=True)
        self._thread.start()
        self._providers: dict[str, _Provider] = {}
        self._claim_sizes: dict[tuple[int, Lane], ClaimSize] = {}
        self._providers_lock = threading.Lock()  # two `_Provider`s for one provider would allow twice the requests

    def adapter(self, provider: str) -> Adapter:
        """Return the provider's adapter. Raises Unavailable if its credentials are not set."""
        return self._provider(provider).adapter

    def reserve(self, provider: str, want: int) -> Reserved | None:
        """Reserve up to `want` posts, for `send` or `release`. Return None while too many are waiting to start."""
        return self._provider(provider).capacity.reserve(want)

    def release(self, provider: str, reserved: Reserved) -> None:
        """Give back a reservation in which nothing was posted."""
        self._provider(provider).capacity.release(reserved)

    def claim_size(self, sender_id: int, lane: Lane) -> ClaimSize:
        """Return the size of claims that this process has learned for a sender and lane."""
        return self._claim_sizes.setdefault((sender_id, lane), ClaimSize())

    def send(
        self,
        provider: str,
        messages: Sequence[Message],
        slots_s: Sequence[float],
        reserved: Reserved,
        until_s: float = math.inf,
    ) -> "Future[list[Posted]]":
        """Post each message in its slot (`time.monotonic()`), none after `until_s`.

        The future completes when the last post is answered.
        """
        reserved.set_slots(slots_s)
        return asyncio.run_coroutine_threadsafe(
            self._provider(provider).post(reserved, messages, slots_s, until_s), self._loop
        )

    def post(self, provider: str, messages: Sequence[Message], slots_s: Sequence[float]) -> list[Posted]:
        """Like `send`, but not limited by the capacity or by `until_s`; waits for the outcomes."""
        return self.send(provider, messages, slots_s, Reserved(len(messages))).result()

    def find(self, provider: str, message: Message, since_s: float) -> "Future[Accepted | None]":
        """Look up a message of unknown outcome. The future raises SendError if the provider gives no answer."""
        return asyncio.run_coroutine_threadsafe(self._provider(provider).find(message, since_s), self._loop)

    def _provider(self, provider: str) -> "_Provider":
        found = self._providers.get(provider)
        if found is not None:
            return found
        with self._providers_lock:
            if provider not in self._providers:
                self._providers[provider] = _Provider(registry.build(self._settings, provider, self._client))
            return self._providers[provider]

    def close(self) -> None:
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Provider:
    """One provider: its adapter, the limits on its open requests, and our capacity for it."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.capacity = Capacity()
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._free_to_ask = asyncio.Semaphore(QUESTIONS)

    async def find(self, message: Message, since_s: float) -> Accepted | None:
        async with self._free_to_ask:
            return await self.adapter.find(message, since_s)

    async def post(
        self, reserved: Reserved, messages: Sequence[Message], slots_s: Sequence[float], until_s: float
    ) -> list[Posted]:
        """Post each message in its slot. Ends the reservation as soon as the last post has started."""
        loop = asyncio.get_running_loop()
        posts = []
        for message, slot_s in zip(messages, slots_s, strict=True):
            ahead_s = slot_s - time.monotonic()
            if ahead_s > TICK_S:
                await asyncio.sleep(ahead_s)
            await self._free.acquire()
            posts.append(loop.create_task(self._post(reserved, message, min(slot_s + LATENESS_S, until_s))))
        return [await post for post in posts]

    async def _post(self, reserved: Reserved, message: Message, leave_by_s: float) -> Posted:
        left_at = datetime.now(UTC)
        late = self._starts_late(reserved, leave_by_s)
        try:
            return Posted(message, Late() if late else await self.adapter.send(message, leave_by_s), left_at)
        except (SendError, Ambiguous, Late) as answer:
            return Posted(message, answer, left_at)
        except Exception:
            # A defect in an adapter must not lose the window's other outcomes. Whether the message left is unknown.
            log.exception("provider.defect", provider=type(self.adapter).__name__, deliveries=len(message.recipients))
            return Posted(message, Ambiguous("defect"), left_at)
        finally:
            self._free.release()

    def _starts_late(self, reserved: Reserved, leave_by_s: float) -> bool:
        late = time.monotonic() > leave_by_s
        reserved.waiting -= 1
        reserved.late += late
        if not reserved.waiting:
            self.capacity.end(reserved)
        return late
