"""An HTTP proxy on loopback that serves CONNECT, as cities force them. Names of others lead to this machine."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

APPLICATION_DATA = (
    0x17  # a record's type, RFC 8446 section 5.1; the end of a handshake has it, too, in 69 bytes at most
)
LONGEST_FINISHED = 100


@dataclass
class ConnectProxy:
    """What it does with the next tunnels, and what it was asked for."""

    names: Mapping[str, str] = field(default_factory=dict)  # host to the address it stands for; others as they are
    status: bytes = b""  # refuse tunnels with this status line's rest, such as b"502 Bad Gateway"
    credentials: bytes = b""  # base64 of user:password, required when set
    hangs: bool = False  # take the connection, say nothing
    hangs_up: bool = False  # close it once CONNECT was read
    loses: Counter[str] = field(default_factory=Counter)  # by host: requests that arrive there and are never answered
    url: str = ""
    asked: list[str] = field(default_factory=list)  # request lines

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["ConnectProxy"]:
        tunnels: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            tunnels.add(task)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for tunnel in tunnels:
                tunnel.cancel()
            if tunnels:
                await asyncio.wait(tunnels, timeout=60)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.partition(b"\r\n")[0].decode())
        if self.hangs:
            await reader.read()
        elif self.hangs_up:
            pass
        elif self.credentials and b"Proxy-Authorization: Basic " + self.credentials not in head:
            await _refuse(writer, b"407 Proxy Authentication Required")
        elif self.status:
            await _refuse(writer, self.status)
        else:
            await self._tunnel(head.split(b" ", 2)[1].decode(), reader, writer)

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        try:
            there = await asyncio.open_connection(self.names.get(host, host), int(port))
        except (OSError, ValueError):
            await _refuse(writer, b"502 Bad Gateway")
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        records = _Records()

        def lose(data: bytes) -> bool:
            if not (records.hold_a_request(data) and self.loses[host]):
                return False
            self.loses[host] -= 1
            writer.transport.abort()
            return True

        try:
            await asyncio.gather(_pump(reader, there[1], lose), _pump(there[0], writer))
        finally:
            there[1].transport.abort()


class _Records:
    """The TLS records of a client, of which only types and lengths can be read."""

    def __init__(self) -> None:
        self._left = b""

    def hold_a_request(self, data: bytes) -> bool:
        """Whether one ends with this data that is longer than the end of a handshake."""
        self._left += data
        found = False
        while len(self._left) >= 5 and len(self._left) >= (whole := 5 + int.from_bytes(self._left[3:5])):
            found |= self._left[0] == APPLICATION_DATA and whole > LONGEST_FINISHED
            self._left = self._left[whole:]
        return found


async def _refuse(writer: asyncio.StreamWriter, status: bytes) -> None:
    writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: Callable[[bytes], bool] = lambda _data: False
) -> None:
    """Until one of them ends; what was read is passed on before `stop` is asked. A reset is passed on as one."""
    try:
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
            if stop(data):
                break
    except ConnectionError:
        reset(writer)
    await _end(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST instead of FIN."""
    at_once = struct.pack("ii", 1, 0)  # SO_LINGER, socket(7)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()


async def _end(writer: asyncio.StreamWriter) -> None:
    """After all that was written has left."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def tls_front(context: ssl.SSLContext, port: int) -> AsyncIterator[int]:
    """TLS before a server on loopback that speaks none. Yields its port."""
    lines: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        lines.add(task)
        there = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for line in lines:
            line.cancel()
        if lines:
            await asyncio.wait(lines, timeout=60)
