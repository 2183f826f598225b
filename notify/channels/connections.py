"""HTTP/1.1 connections to providers, kept alive: one request at a time on each, parsed by httptools.

This is the innermost loop of Tocsin: a message is one request. Written for just that, it takes a quarter of the CPU of
a general client (docs/performance.md), and it knows for certain whether any byte of a request may have left, which is
what decides between sending again and asking first (law 8).

No redirects, cookies, proxies or compression: providers' APIs need none of them.
"""

import asyncio
import math
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple, cast

import httptools
from multidict import CIMultiDict
from yarl import URL

from notify.channels.contract import Late

MOST_BYTES = 4 * 2**20  # of one answer; a page of Twilio's list has some 600 KB
IDLE_MOST_S = 15.0  # servers close idle connections; one that we close ourselves cannot surprise us


Origin = tuple[str, int, bool]  # host, port, with TLS


class NotConnected(Exception):
    """No byte of the request has left: "refused", "dns", "tls", "connect-timeout", "invalid-url"."""


class NoAnswer(Exception):
    """The request may have arrived, and no whole answer came back: "timeout", "connection-lost", "unreadable"."""


class Answer(NamedTuple):
    """What the provider said."""

    status: int
    raw_headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any case."""
        return CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw_headers)


class Endpoint:
    """A method, a URL and the headers that all requests to it share, written out once."""

    def __init__(self, method: str, url: URL | str, headers: Mapping[str, str]) -> None:
        self.origin: Origin | None = None
        try:
            url = URL(url)
        except ValueError:
            return
        if url.scheme not in ("http", "https") or not url.raw_host or not url.port:
            return  # whoever asks is told
        self.origin = (url.raw_host, url.port, url.scheme == "https")
        default = url.port == (443 if url.scheme == "https" else 80)
        host = f"[{url.raw_host}]" if ":" in url.raw_host else url.raw_host
        lines = {"Host": host if default else f"{host}:{url.port}", "User-Agent": "Tocsin"} | dict(headers)
        if any(c in text for line in lines.items() for text in line for c in "\r\n\0"):
            raise ValueError("A header holds a line break.")
        written = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.head = f"{method} {url.raw_path_qs} HTTP/1.1\r\n{written}".encode("latin-1")


class Connections:
    """One per event loop."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[_Connection]] = defaultdict(list)
        self._all: set[_Connection] = set()
        self._tls: ssl.SSLContext | None = None

    async def ask(
        self, endpoint: Endpoint, body: bytes | None, timeout_s: float, leave_by_s: float = math.inf
    ) -> Answer:
        """Send one request. Raises NotConnected or NoAnswer.

        `timeout_s` is for all of it; at most half of that may go by until a connection stands. When it stands later
        than `leave_by_s`, a moment of `time.monotonic()`, it is kept for the next request, and this one is Late.
        """
        if endpoint.origin is None:
            raise NotConnected("invalid-url")
        began_s = asyncio.get_running_loop().time()
        connection = self._rested(endpoint.origin) or await self._open(endpoint.origin, timeout_s / 2)
        if time.monotonic() > leave_by_s:
            self._keep(endpoint.origin, connection)
            raise Late
        left_s = timeout_s - (connection.loop.time() - began_s)
        length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
        answer = await connection.ask(b"%b%b\r\n%b" % (endpoint.head, length, body or b""), left_s)
        self._keep(endpoint.origin, connection)
        return answer

    async def close(self) -> None:
        for connection in list(self._all):
            connection.close()

    def _keep(self, origin: Origin, connection: "_Connection") -> None:
        if connection.usable:
            connection.idle_since_s = connection.loop.time()
            self._idle[origin].append(connection)
        else:
            connection.close()  # the server may leave it open for as long as we do

    def _rested(self, origin: Origin) -> "_Connection | None":
        """The connection that was used last; those that were idle for long, or not silent, are closed."""
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
            raise NotConnected("connect-timeout") from None
        except (socket.gaierror, UnicodeError):  # no such name, or one that no name can be
            raise NotConnected("dns") from None
        except ssl.SSLError:
            raise NotConnected("tls") from None
        except OSError:
            raise NotConnected("refused") from None

    async def _connect(self, host: str, port: int, secure: bool) -> "_Connection":
        loop = asyncio.get_running_loop()
        wire = await _wire(loop, host, port)
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(loop, wire, self._all),
                sock=wire,
                ssl=self._context() if secure else None,
                server_hostname=host if secure else None,
            )
        except BaseException:
            wire.close()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


async def _wire(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """A connected socket, at the first of the host's addresses that takes it."""
    error: OSError = socket.gaierror(f"no address for port {port}")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        wire = socket.socket(family, kind, protocol)
        try:
            wire.setblocking(False)
            await loop.sock_connect(wire, address)
        except OSError as failed:
            wire.close()
            error = failed
        except BaseException:
            wire.close()
            raise
        else:
            return wire
    raise error


class _Connection(asyncio.Protocol):
    """One connection. Callbacks of httptools' parser begin with `on_`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wire: socket.socket, register: "set[_Connection]") -> None:
        self.loop = loop
        self.usable = True
        self.idle_since_s = 0.0
        self._wire = wire
        self._register = register
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None  # while one is waited for

    async def ask(self, request: bytes, timeout_s: float) -> Answer:
        """Write a request, which is one system call for a message, and wait for its answer."""
        answer = self._answer = self.loop.create_future()
        self._clear()
        deadline = self.loop.call_later(max(timeout_s, 0.0), self._give_up, "timeout")
        self._transport.write(request)
        try:
            found: Answer = await answer
        except BaseException:
            self.close()  # whatever still comes on it would be taken for the answer to another request
            raise
        finally:
            deadline.cancel()
            self._answer = None
        return found

    def silent(self) -> bool:
        """Whether nothing has come since the last answer, not even its end.

        The kernel is asked, because the loop may not have looked yet: a request that is written to a closed
        connection has an unknown outcome, and what was said before it would be taken for its answer.
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
            if self._status >= 400:  # the status has said enough
                self._answer.set_result(Answer(self._status, self._headers, b""))
            else:
                self._answer.set_exception(NoAnswer(why))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # TCP's and TLS's are, in all but name
        self._register.add(self)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody has asked
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
        """The end of the connection is that of an answer without a length (RFC 9112, section 6.3)."""
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
        if self._answer is None or self._answer.done():  # nobody has asked, and what was answered stays as it is
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
