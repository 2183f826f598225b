"""The way out of a worker process: one event loop in a thread, shared by all its batches, posting to providers.

Worker threads hand a window of posts over and wait for its outcomes. Each post leaves in its slot; one that is late
gives its slot up, so that neither a stalled process nor a long pause can send what nobody expects any more.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp
import structlog
import uvloop

from notify.channels import registry
from notify.channels.contract import Accepted, Adapter, Ambiguous, Message, SendError
from notify.limits import LATENESS_S
from notify.settings import Settings

log = structlog.get_logger()
T = TypeVar("T")


class Late(Exception):
    """The slot had passed before the post could leave. Nothing was sent."""


Answer = Accepted | SendError | Ambiguous | Late


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of one post, and when it left (aware, UTC)."""

    message: Message
    answer: Answer
    left_at: datetime


class Transport:
    """One per worker process. `close` when the process ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="providers", daemon=True)
        self._thread.start()
        self._client = self._run(_client())
        self._adapters: dict[str, Adapter] = {}

    def adapter(self, provider: str) -> Adapter:
        """Raises Unavailable when the provider's credentials are not set."""
        if provider not in self._adapters:
            self._adapters[provider] = registry.build(self._settings, provider, self._client)
        return self._adapters[provider]

    def post(self, provider: str, messages: Sequence[Message], slots_s: Sequence[float]) -> list[Posted]:
        """Post each message in its slot (`time.monotonic()`); returns when the last one is answered."""
        return self._run(_post_all(self.adapter(provider), messages, slots_s))

    def find(self, provider: str, message: Message, since: datetime) -> Accepted | None:
        """Ask the provider for a message of unknown outcome. Raises SendError when it gives no answer."""
        return self._run(self.adapter(provider).find(message, since))

    def close(self) -> None:
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _client() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, limit_per_host=256, keepalive_timeout=30)
    return aiohttp.ClientSession(connector=connector, auto_decompress=True, trust_env=False)


async def _post_all(adapter: Adapter, messages: Sequence[Message], slots_s: Sequence[float]) -> list[Posted]:
    return await asyncio.gather(
        *(_post(adapter, message, slot) for message, slot in zip(messages, slots_s, strict=True))
    )


async def _post(adapter: Adapter, message: Message, slot_s: float) -> Posted:
    ahead_s = slot_s - time.monotonic()
    if ahead_s > 0:
        await asyncio.sleep(ahead_s)
    left_at = datetime.now(UTC)
    if time.monotonic() - slot_s > LATENESS_S:
        return Posted(message, Late(), left_at)
    try:
        return Posted(message, await adapter.send(message), left_at)
    except (SendError, Ambiguous) as answer:
        return Posted(message, answer, left_at)
    except Exception:
        # A defect in an adapter must not take the window's other outcomes with it. What it did is not known.
        log.exception("provider.defect", provider=type(adapter).__name__, deliveries=len(message.recipients))
        return Posted(message, Ambiguous("defect"), left_at)


_process: Transport | None = None
_process_lock = threading.Lock()


def of_process(settings: Callable[[], Settings]) -> Transport:
    """The transport of this process, made when it is first needed: after a worker forked, not before."""
    global _process
    with _process_lock:
        if _process is None:
            _process = Transport(settings())
        return _process


def close_process() -> None:
    """Close the transport of this process, if it has one."""
    global _process
    with _process_lock:
        if _process is not None:
            _process.close()
        _process = None
