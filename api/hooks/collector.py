"""Receipts that arrive together are kept together: one COPY and one commit for all of some 20 ms."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
from sqlalchemy.exc import DataError
from starlette.concurrency import run_in_threadpool

from notify.channels.contract import Receipt
from notify.pipeline import receipts

GATHER_S = 0.02

Waiting = tuple[Sequence[Receipt], "asyncio.Future[None]"]


class Collector:
    """Of one provider, in one process. For use on the event loop."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._waiting: list[Waiting] = []
        self._flushes: set[asyncio.Task[None]] = set()  # the loop itself keeps no strong hold on its tasks

    async def keep(self, arrived: Sequence[Receipt]) -> None:
        """Returns when they are committed; raises what the commit raised."""
        if not arrived:
            return
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrived, kept))
        if len(self._waiting) == 1:
            flush = asyncio.create_task(self._flush())
            self._flushes.add(flush)
            flush.add_done_callback(self._flushes.discard)
        await kept

    async def _flush(self) -> None:
        await asyncio.sleep(GATHER_S)
        together, self._waiting = self._waiting, []
        try:
            await self._write([receipt for arrived, _ in together for receipt in arrived])
        except (psycopg.DataError, DataError):
            await self._one_by_one(together)
        except Exception as error:
            _answer(together, error)
        else:
            _answer(together)

    async def _one_by_one(self, together: Sequence[Waiting]) -> None:
        """One of them cannot be stored: the others must not suffer from it."""
        for one in together:
            try:
                await self._write(one[0])
            except Exception as error:
                _answer([one], error)
            else:
                _answer([one])

    async def _write(self, facts: Sequence[Receipt]) -> None:
        await run_in_threadpool(receipts.keep, self._provider, facts, datetime.now(UTC))


def _answer(requests: Sequence[Waiting], error: Exception | None = None) -> None:
    for _, kept in requests:
        if kept.done():  # its client has gone
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
