"""Collect the receipts that arrive within about 20 ms and store them with one COPY and one commit."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
from sqlalchemy import exc

from api.hooks.threads import Threads
from api.hooks.watch import Watch
from notify.channels.contract import Receipt, Receipts
from notify.core import db
from notify.delivery import receipts

GATHER_S = 0.02
REFUSED = (psycopg.Error, exc.DBAPIError)  # errors of the data, if they are not among `db.AWAY`
RECEIPT_THREADS, MOST_WAITING = 2, 500  # writes

Waiting = tuple[Sequence[Receipt], "asyncio.Future[None]"]


class Collector:
    """The collector of a provider in this process. For use on the event loop."""

    def __init__(self, provider: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self._threads = Threads(f"receipts-{provider}", RECEIPT_THREADS, MOST_WAITING)
        self._waiting: list[Waiting] = []
        self._flushes: set[asyncio.Task[None]] = set()  # the loop keeps only weak references to its tasks

    async def keep(self, arrived: Receipts) -> None:
        """Return when the receipts are committed; raise the commit's error. Unreadable ones raise an alarm."""
        if arrived.unreadable:
            await self._watch.unreadable(arrived.unreadable)
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
        except db.AWAY as error:
            _answer(together, error)
        except REFUSED:
            await self._one_by_one(together)
        except Exception as error:
            _answer(together, error)
        else:
            _answer(together)

    async def _one_by_one(self, together: Sequence[Waiting]) -> None:
        """Store the requests one by one, so that one that cannot be stored does not affect the others."""
        for one in together:
            try:
                await self._write_each(one[0])
            except Exception as error:
                _answer([one], error)
            else:
                _answer([one])

    async def _write_each(self, facts: Sequence[Receipt]) -> None:
        """Store the facts one by one and set bad ones aside; otherwise the provider would repeat all for 24 hours."""
        refused: list[Exception] = []
        for fact in facts:
            try:
                await self._write([fact])
            except db.AWAY:
                raise
            except REFUSED as error:
                refused.append(error)
        if refused:
            await self._watch.unreadable([f"PostgreSQL refused it ({db.reason(error)})." for error in refused])
        if len(refused) == len(facts):
            raise refused[0]

    async def _write(self, facts: Sequence[Receipt]) -> None:
        await self._threads.run(receipts.store, self._provider, facts, datetime.now(UTC), db.hooks_engine)


def _answer(requests: Sequence[Waiting], error: Exception | None = None) -> None:
    for _, kept in requests:
        if kept.done():  # the client has disconnected
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
