"""Calls the project's webhooks: a bounded pool of keep-alive connections, with retries."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from yarl import URL

WORKERS = 32
TIMEOUT = aiohttp.ClientTimeout(total=15)  # as long as Twilio waits
RETRY_AFTER_S = (0.5, 1, 2, 4, 8, 15, 30, 30, 30)


@dataclass(frozen=True, slots=True)
class Parcel:
    url: str
    headers: Mapping[str, str]
    body: bytes
    epoch: int  # the courier's, when it was queued
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a webhook. Without an answer, `status` is 0 and `text` is the reason."""

    status: int
    text: str
    content_type: str = ""


class Courier:
    """Queues and sends webhooks. Must be opened within a running event loop."""

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
        """Call `act` after a delay, unless `forget` was called meanwhile."""
        epoch = self._epoch
        self._waiting += 1

        def run() -> None:
            if epoch == self._epoch:
                self._waiting -= 1
                act()

        asyncio.get_running_loop().call_later(delay_s, run)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Queue a webhook. An answer of 2xx means delivered; after any other outcome it is tried again."""
        self._waiting += 1
        self._queue.put_nowait(Parcel(url, headers, body, self._epoch))

    async def ask(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post once and return the answer. Failures of the other side raise nothing."""
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
        """Drop everything that is waiting."""
        self._epoch += 1
        self._waiting = self._delivered = self._retried = self._lost = 0

    def as_json(self) -> dict[str, int]:
        """Return counts. `waiting` includes status changes still to come; at 0 everything has been reported."""
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
