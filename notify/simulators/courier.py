"""Carries webhooks to us: a bounded pool over kept-alive connections, with repeats when nobody is at home."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from yarl import URL

WORKERS = 32
TIMEOUT = aiohttp.ClientTimeout(total=15)  # Twilio waits as long
RETRY_AFTER_S = (0.5, 1, 2, 4, 8, 15, 30, 30, 30)


@dataclass(frozen=True, slots=True)
class Parcel:
    url: str
    headers: Mapping[str, str]
    body: bytes
    epoch: int  # of the courier when it was posted
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a webhook answered; status 0 and the reason as text when it did not."""

    status: int
    text: str
    content_type: str = ""


class Courier:
    """Must be opened within a running event loop."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._client: aiohttp.ClientSession | None = None
        self._epoch = 0
        self._waiting = self._delivered = self._retried = self._lost = 0

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=WORKERS + 8, keepalive_timeout=30)
        self._client = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, trust_env=False)
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    async def close(self) -> None:
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with suppress(asyncio.CancelledError):
                await worker
        if self._client is not None:
            await self._client.close()

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Call `act` after a while, unless everything was forgotten meanwhile."""
        epoch = self._epoch
        self._waiting += 1

        def run() -> None:
            if epoch == self._epoch:
                self._waiting -= 1
                act()

        asyncio.get_running_loop().call_later(delay_s, run)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Put into the queue; 2xx is delivered, anything else is tried again."""
        self._waiting += 1
        self._queue.put_nowait(Parcel(url, headers, body, self._epoch))

    async def ask(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post once and wait for the answer. Never raises for what the other side does."""
        if self._client is None:
            raise RuntimeError("The courier is not open.")
        try:
            async with self._client.post(
                URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as answer:
                return Reply(answer.status, await answer.text(errors="replace"), answer.content_type)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return Reply(0, type(error).__name__)

    def forget(self) -> None:
        """Drop everything that waits."""
        self._epoch += 1
        self._waiting = self._delivered = self._retried = self._lost = 0

    def as_json(self) -> dict[str, int]:
        """`waiting` counts status changes still to come too: at 0 everything has been told."""
        return {
            "waiting": self._waiting,
            "delivered": self._delivered,
            "retried": self._retried,
            "given_up": self._lost,
        }

    async def _work(self) -> None:
        while True:
            parcel = await self._queue.get()
            if parcel.epoch != self._epoch:
                continue
            reply = await self.ask(parcel.url, parcel.body, parcel.headers)
            if parcel.epoch == self._epoch:
                self._waiting -= 1
                self._settle(parcel, reply)

    def _settle(self, parcel: Parcel, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            self._delivered += 1
        elif parcel.attempt < len(RETRY_AFTER_S):
            self._retried += 1
            again = Parcel(parcel.url, parcel.headers, parcel.body, parcel.epoch, parcel.attempt + 1)
            self.later(RETRY_AFTER_S[parcel.attempt], lambda: self._again(again))
        else:
            self._lost += 1

    def _again(self, parcel: Parcel) -> None:
        self._waiting += 1
        self._queue.put_nowait(parcel)
