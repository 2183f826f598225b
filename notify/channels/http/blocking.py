"""An HTTP client for callers without an event loop: the geocoder's library and the checks of providers."""

import asyncio
import threading
from types import TracebackType

from notify.channels.http.client import Answer, Endpoint
from notify.channels.http.outbound import Outbound, open_client


class BlockingClient:
    """A client with an event loop in a thread of its own, for as long as the `with` block lasts.

    `asyncio.run` is not used, because it waits for a name lookup that hangs, whatever the timeout.
    """

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def __enter__(self) -> "BlockingClient":
        self._client = open_client(self._outbound)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="outbound", daemon=True)
        self._thread.start()
        return self

    def ask(self, endpoint: Endpoint, body: bytes | None, timeout_s: float) -> Answer:
        """As `HttpClient.ask`."""
        asked = self._client.ask(endpoint, body, timeout_s)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
