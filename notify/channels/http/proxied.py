"""Requests through the city's proxy, by aiohttp: CONNECT, then TLS with the provider itself.

Whether any byte of the request may have left is observed, not guessed from the error: aiohttp asks its connector for a
connection, tunnel and TLS included, before it writes any of the request. An error before the connector has returned one
is NotSent, any later one OutcomeUnknown.

For a provider at an http:// address there is no tunnel: the proxy receives the request itself, and may lose it.
"""

import math
import select
import ssl
import time
import weakref
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from notify.channels.contract import Late
from notify.channels.http.client import HAPPY_EYEBALLS_S, MOST_BYTES, Answer, Endpoint, NotSent, OutcomeUnknown
from notify.channels.http.connections import Connections
from notify.channels.http.outbound import Outbound

IDLE_MOST_S = 10.0  # proxies close idle tunnels after 30 s or more; close ours first
LEFT_OUT = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # headers that aiohttp would add


class ProxiedConnections:
    """Requests through a proxy, and direct ones to the hosts that are exempt from it."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._direct = Connections(outbound)
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, endpoint: Endpoint, body: bytes | None, timeout_s: float, leave_by_s: float = math.inf
    ) -> Answer:
        if endpoint.origin is None:
            raise NotSent("invalid-url")
        proxy = self._outbound.proxy_for(*endpoint.origin[:2])
        if not proxy:
            return await self._direct.ask(endpoint, body, timeout_s, leave_by_s)
        if not self._outbound.allows(endpoint.origin[0]):
            raise NotSent("not-public")
        request = _Request(leave_by_s)
        current = _request.set(request)
        try:
            return await self._ask(endpoint, body, timeout_s, proxy)
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError) as error:
            if request.connected:
                raise OutcomeUnknown(_code_of(error)) from None
            raise NotSent(_unsent(error)) from None
        finally:
            _request.reset(current)

    async def _ask(self, endpoint: Endpoint, body: bytes | None, timeout_s: float, proxy: str) -> Answer:
        if self._session is None:
            self._session = self._open()
        limit = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s / 2)
        async with self._session.request(
            endpoint.method, endpoint.url, data=body, headers=endpoint.headers, proxy=proxy, timeout=limit,
            allow_redirects=False, skip_auto_headers=LEFT_OUT,
        ) as answer:  # fmt: skip
            try:
                content = await _content(answer)
            except (aiohttp.ClientError, TimeoutError, OSError, OutcomeUnknown):
                if answer.status < 400:
                    raise
                content = b""  # the status is enough
            return Answer(answer.status, list(answer.raw_headers), content)

    def _open(self) -> aiohttp.ClientSession:
        # The callers limit the number of open requests (`notify.delivery.transport`).
        connector = _Connector(
            limit=0, ssl=self._outbound.tls, keepalive_timeout=IDLE_MOST_S, happy_eyeballs_delay=HAPPY_EYEBALLS_S
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": "Tocsin"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._direct.close()
        if self._session is not None:
            await self._session.close()


class _Request:
    """The state of one request, for the connector."""

    def __init__(self, leave_by_s: float) -> None:
        self.leave_by_s = leave_by_s
        self.connected = False


_request: ContextVar[_Request] = ContextVar("request")


class _Connector(aiohttp.TCPConnector):
    """Records when bytes of a request may leave, and stops a request that is late or repeated."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Connection:
        request = _request.get()
        if request.connected:  # aiohttp repeats a GET whose connection broke; we must not
            raise aiohttp.ServerDisconnectedError
        while True:
            connection = await super().connect(*args, **options)
            if self._is_usable(connection):
                break
            connection.close()
        if time.monotonic() > request.leave_by_s:
            connection.release()
            raise Late
        request.connected = True
        return connection

    def _is_usable(self, connection: Connection) -> bool:
        """Return whether it is new or silent since its last answer. Asks the kernel: the loop may not have read yet."""
        protocol = connection.protocol
        if protocol is None or protocol.transport is None:
            return False
        if protocol not in self._used:
            self._used.add(protocol)
            return True
        poll = select.poll()
        poll.register(protocol.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)


async def _content(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for part in answer.content.iter_any():
        content += part
        if len(content) > MOST_BYTES:
            raise OutcomeUnknown("too-long")
    return bytes(content)


def _unsent(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"proxy-{error.status}"
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return "tls"
    if isinstance(error, aiohttp.ClientConnectorDNSError | UnicodeError):
        return "proxy-dns"  # the proxy's own name: the provider's is resolved by the proxy
    if isinstance(error, TimeoutError):
        return "connect-timeout"
    return "proxy-refused" if isinstance(error, aiohttp.ClientProxyConnectionError) else "proxy-unreadable"


def _code_of(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    return "unreadable" if isinstance(error, aiohttp.ClientResponseError) else "connection-lost"
