"""A server on loopback that follows a script, byte by byte: what a provider's HTTP server may do, and worse."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from notify.channels.http.client import Answer, Endpoint
from notify.channels.http.connections import Connections
from tests.connect_proxy import reset

R = TypeVar("R")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Line:
    """One connection, as the server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def request(self) -> bytes | None:
        """The body of the next request; None when the client has closed."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = [line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")]
            return await self._reader.readexactly(int(length[0])) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def say(self, said: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(said)
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()

    async def until_closed(self) -> None:
        """Wait for the client to close."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(2**16):
                pass

    def reset(self) -> None:
        reset(self._writer)

    def hang_up(self) -> None:
        self._writer.close()

    async def answer_all(self, said: bytes = OK) -> None:
        """The same to each request, until the client closes."""
        while await self.request() is not None:
            await self.say(said)


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """As tests/waiting.py has it, without holding the loop up."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  what is waited for lies in the code under test
            await asyncio.sleep(0.001)


Script = Callable[[Line], Awaitable[None]]


class Client:
    """Our connections and where the server is."""

    def __init__(self, url: str, lines: list[Line]) -> None:
        self.url = url
        self.lines = lines  # that the server has seen so far
        self.connections = Connections()

    async def ask(
        self, body: bytes | None = b"x", timeout_s: float = 60.0, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self.connections.ask(Endpoint("POST", f"{self.url}/", headers or {}), body, timeout_s)


async def serve(script: Script, visit: Callable[[Client], Awaitable[R]], context: ssl.SSLContext | None = None) -> R:
    """Run the script on every connection for as long as `visit` takes. An exception in the script is the test's."""
    lines: list[Line] = []
    failed: list[BaseException] = []

    async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(Line(reader, writer))
        try:
            await script(lines[-1])
        except Exception as error:
            failed.append(error)
        writer.close()

    server = await asyncio.start_server(follow, "127.0.0.1", 0, ssl=context, limit=2**16)
    scheme, host = ("https", "localhost") if context else ("http", "127.0.0.1")
    client = Client(f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}", lines)
    try:
        async with asyncio.timeout(120):
            found = await visit(client)
    finally:
        await client.connections.close()
        server.close()
        for line in lines:
            line.hang_up()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)
    assert not failed, failed
    return found
