"""HTTP/1.1 connections to providers, kept alive: one request at a time on each, parsed by httptools.

This is the innermost loop of Tocsin: a message is one request. It takes a quarter of the CPU of a general client
(docs/performance.md), and it knows whether any byte of a request may have left. That decides between sending again and
asking the provider first (law 8).

No redirects, cookies or compression: providers' APIs need none of them. `notify.channels.http.proxied` uses proxies.
"""

import asyncio
import math
import socket
import ssl
import time
from collections import defaultdict
from typing import cast

import aiohappyeyeballs
import httptools

from notify.channels.contract import Late
from notify.channels.http.client import (
    HAPPY_EYEBALLS_S,
    MOST_BYTES,
    Answer,
    Endpoint,
    NotSent,
    Origin,
    OutcomeUnknown,
)
from notify.channels.http.outbound import Outbound

IDLE_MOST_S = 15.0  # servers close idle connections; close ours first, or a request may be lost


class Connections:
    """One per event loop."""

    def __init__(self, outbound: Outbound | None = None) -> None:
        self._outbound = outbound or Outbound()
        self._idle: dict[Origin, list[_Connection]] = defaultdict(list)
        self._all: set[_Connection] = set()

    async def ask(
        self, endpoint: Endpoint, body: bytes | None, timeout_s: float, leave_by_s: float = math.inf
    ) -> Answer:
        """As `HttpClient.ask`."""
        if endpoint.origin is None:
            raise NotSent("invalid-url")
        began_s = asyncio.get_running_loop().time()
        connection = self._reusable(endpoint.origin) or await self._open(endpoint.origin, timeout_s / 2)
        if time.monotonic() > leave_by_s:
            self._put_back(endpoint.origin, connection)
            raise Late
        left_s = timeout_s - (connection.loop.time() - began_s)
        length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
        answer = await connection.ask(b"%b%b\r\n%b" % (endpoint.head, length, body or b""), left_s)
        self._put_back(endpoint.origin, connection)
        return answer

    async def close(self) -> None:
        for connection in list(self._all):
            connection.close()

    def _put_back(self, origin: Origin, connection: "_Connection") -> None:
        if connection.usable:
            connection.idle_since_s = connection.loop.time()
            self._idle[origin].append(connection)
        else:
            connection.close()  # the server may be waiting for us to close it

    def _reusable(self, origin: Origin) -> "_Connection | None":
        """Return the connection used last, or None. Closes any that was idle for too long or is not silent."""
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.silent() and connection.loop.time() - connection.idle_since_s < IDLE_MOST_S:
                return connection
            connection.close()
        return None

    async def _open(self, origin: Origin, timeout_s: float) -> "_Connection":
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connect(*origin)
        except TimeoutError:
            raise NotSent("connect-timeout") from None
        except (socket.gaierror, UnicodeError):  # no such name, or not a valid one
            raise NotSent("dns") from None
        except ssl.SSLError:
            raise NotSent("tls") from None
        except OSError:
            raise NotSent("refused") from None

    async def _connect(self, host: str, port: int, secure: bool) -> "_Connection":
        loop = asyncio.get_running_loop()
        wire = await _connected_socket(loop, host, port, self._outbound)
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(loop, wire, self._all),
                sock=wire,
                ssl=self._outbound.tls if secure else None,
                server_hostname=host if secure else None,
            )
        except BaseException:
            wire.close()
            raise
        return connection


async def _connected_socket(loop: asyncio.AbstractEventLoop, host: str, port: int, outbound: Outbound) -> socket.socket:
    """Return a socket connected to the first of the host's addresses that answers. A dead one must not use up the time
    of the others (RFC 8305). Raises NotSent when none of them is allowed."""
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM) if outbound.allows(host) else []
    addresses = [one for one in found if outbound.allows(str(one[4][0]))]
    if not addresses:
        raise NotSent("not-public")
    return await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=HAPPY_EYEBALLS_S, loop=loop)


class _Connection(asyncio.Protocol):
    """One connection. Callbacks of httptools' parser begin with `on_`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wire: socket.socket, register: "set[_Connection]") -> None:
        self.loop = loop
        self.usable = True
        self.idle_since_s = 0.0
        self._wire = wire
        self._register = register
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None  # while a request is open

    async def ask(self, request: bytes, timeout_s: float) -> Answer:
        """Write a request, for a message in one system call, and wait for its answer."""
        answer = self._answer = self.loop.create_future()
        self._clear()
        deadline = self.loop.call_later(max(timeout_s, 0.0), self._give_up, "timeout")
        self._transport.write(request)
        try:
            found: Answer = await answer
        except BaseException:
            self.close()  # a late answer would be taken for that to another request
            raise
        finally:
            deadline.cancel()
            self._answer = None
        return found

    def silent(self) -> bool:
        """Return whether nothing has arrived since the last answer, not even the end of the connection.

        The kernel is asked, because the loop may not have read yet. A request written to a closed connection has an
        unknown outcome, and data that came before the request would be taken for its answer.
        """
        try:
            self._wire.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return self.usable
        except OSError:
            return False
        return False

    def _clear(self) -> None:
        self._status = self._received = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []

    def close(self) -> None:
        self.usable = False
        self._transport.abort()

    def _give_up(self, why: str) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            if self._status >= 400:  # the status is enough
                self._answer.set_result(Answer(self._status, self._headers, b""))
            else:
                self._answer.set_exception(OutcomeUnknown(why))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # TCP's and TLS's are, in all but name
        self._register.add(self)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # no request is open
            return
        self._received += len(data)
        if self._received > MOST_BYTES:
            self._give_up("too-long")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._give_up("unreadable")

    def eof_received(self) -> None:
        """An answer without a length ends with its connection (RFC 9112, section 6.3)."""
        self.usable = False
        if self._answer is None or self._answer.done() or self._status < 200:
            return
        if not any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers):
            self._answer.set_result(Answer(self._status, self._headers, b"".join(self._parts)))

    def connection_lost(self, error: Exception | None) -> None:
        self._register.discard(self)
        self._give_up("connection-lost")

    # httptools.HttpResponseParser

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():  # no request is open; a finished answer stays as it is
            self.usable = False
            self._clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        if self._status < 200:  # "100 Continue": the answer is still to come
            self._clear()
            return
        self.usable = self.usable and self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(self._status, self._headers, b"".join(self._parts)))
