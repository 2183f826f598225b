"""Threads reserved for the webhooks' work on PostgreSQL."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from notify.core.errors import Unavailable


class Threads:
    """A number of threads, with a limit on the requests that wait for one."""

    def __init__(self, name: str, threads: int, most_waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = most_waiting + threads
        self._taken = 0

    async def run(self, work: Callable[..., Any], *given: Any) -> Any:
        """Run work in a thread. Raises Unavailable when too many requests wait; the provider will send it again."""
        if self._taken >= self._most:
            raise Unavailable("Too many webhooks at once.", hint="Send it again in a moment.")
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work, *given)
        finally:
            self._taken -= 1
