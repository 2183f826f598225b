"""A process has no more requests open at a provider than it may."""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from notify.channels import registry
from notify.channels.contract import Accepted, Adapter, Content, Message, Recipient
from notify.delivery.capacity import Reserved
from notify.delivery.throttle import LATENESS_S
from notify.delivery.transport import CONNECTIONS, Late, Transport, _Provider
from tests.notify.conftest import Providers

WORDS = Content(1, "en", "storm", "", "Take cover.", "")


class Held:
    """An adapter whose provider answers when it is told to."""

    max_recipients = 1

    def __init__(self) -> None:
        self.open = self.most = 0
        self.answer = asyncio.Event()

    async def send(self, message: Message, leave_by_s: float) -> Accepted:
        self.open += 1
        self.most = max(self.most, self.open)
        await self.answer.wait()
        self.open -= 1
        return Accepted(str(message.recipients[0].delivery_id))


def messages(count: int) -> list[Message]:
    return [Message(WORDS, "+15555550100", [Recipient(n, "+15555550101")], "") for n in range(count)]


class Slots(Sequence[float]):
    """Slots that are due as they are asked for, until so many requests are open; then none comes any more.

    However slow the machine is, whoever starts does so in time.
    """

    def __init__(self, count: int, adapter: Held) -> None:
        self._count, self._adapter = count, adapter
        self.last_s = math.inf

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, n: Any) -> Any:
        if n >= self._count:
            raise IndexError(n)
        if self._adapter.open >= CONNECTIONS:
            self.last_s = min(self.last_s, time.monotonic())
        return min(self.last_s, time.monotonic())


def test_open_requests_are_bounded_and_who_waits_too_long_is_late() -> None:
    async def visit() -> tuple[int, list[Any]]:
        adapter: Any = Held()
        count = CONNECTIONS * 4
        slots = Slots(count, adapter)
        flight = asyncio.ensure_future(_Provider(adapter).post(Reserved(count), messages(count), slots, math.inf))
        async with asyncio.timeout(120):
            while adapter.open < CONNECTIONS:  # noqa: ASYNC110  the adapter is not told when it is full
                await asyncio.sleep(0.01)
            full_s = time.monotonic()
            while time.monotonic() < full_s + LATENESS_S + 0.1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert adapter.open == CONNECTIONS
        slots.last_s = min(slots.last_s, full_s)
        adapter.answer.set()
        return adapter.most, await flight

    most, posted = asyncio.run(visit())
    assert most == CONNECTIONS
    sent = sum(isinstance(p.answer, Accepted) for p in posted)
    assert sent == CONNECTIONS
    assert sum(isinstance(p.answer, Late) for p in posted) == len(posted) - sent


def test_all_threads_of_a_process_share_one_provider(providers: Providers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways would be twice the requests, and twice the pace. Here all threads that make one make it at once."""
    build, making = registry.build, threading.Barrier(4)

    def together(*given: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            making.wait(0.5)
        return build(*given)

    monkeypatch.setattr(registry, "build", together)
    way_out = Transport(providers.settings())
    adapters: list[Adapter] = []
    threads = [threading.Thread(target=lambda: adapters.append(way_out.adapter("twilio"))) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        way_out.close()
    assert len(adapters) == 4
    assert len(set(map(id, adapters))) == 1
