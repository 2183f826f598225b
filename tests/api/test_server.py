"""The server's patience: who does not say what they want is sent away; and many are let in at once."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from api import server
from api.server import ACCEPTED_AT_ONCE, PatientProtocol, PromptServer
from tests.waiting import until


async def echo(scope: Any, receive: Any, send: Any) -> None:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def configured() -> uvicorn.Config:
    return uvicorn.Config(echo, port=0, http=PatientProtocol, log_config=None, access_log=False, lifespan="off")


@contextmanager
def serving() -> Iterator[int]:
    """The port of a server with the protocol of ours."""
    running = PromptServer(configured())
    thread = threading.Thread(target=running.run)
    thread.start()
    until(lambda: running.started, 60, "the server listens")
    try:
        yield int(running.servers[0].sockets[0].getsockname()[1])
    finally:
        running.should_exit = True
        thread.join()


HALVES = [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"]


@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_is_not_waited_for_without_end(half: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 0.2)

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(half)
        answered = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        return answered

    with serving() as port:
        assert asyncio.run(ask(port)) == b""
        until(lambda: not PatientProtocol.half_open, 60, "nothing is kept of it")


def was_given_more_time() -> bool:
    checks = [(one._check, one._began_s + server.REQUEST_S) for one in list(PatientProtocol.half_open)]
    return any(check is not None and check.when() > late_s + 0.1 for check, late_s in checks)


def test_a_body_that_comes_slowly_but_surely_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 1.0)
    monkeypatch.setattr(server, "SLOWEST_BYTES_PER_S", 100)

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + b"x" * 4_999)
        # Longer than half a request may take; one that has brought so much may take longer.
        await asyncio.to_thread(until, was_given_more_time, 60, "it is looked at, and given more time")
        writer.write(b"x")
        answered = await asyncio.wait_for(reader.readline(), 60)
        writer.close()
        return answered

    with serving() as port:
        assert b" 204 " in asyncio.run(ask(port))


def test_of_too_many_half_requests_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_HALF_OPEN", 3)

    async def ask(port: int) -> tuple[bytes, bytes]:
        opened = []
        for number in range(4):
            opened.append(await asyncio.open_connection("127.0.0.1", port))
            opened[-1][1].write(b"POST / HT")
            known = min(number + 1, 3)
            await asyncio.to_thread(until, lambda n=known: len(PatientProtocol.half_open) == n, 60, "it is known")
        oldest = await asyncio.wait_for(opened[0][0].read(), 60)
        opened[-1][1].write(b"TP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        newest = await asyncio.wait_for(opened[-1][0].readline(), 60)
        for _, writer in opened:
            writer.close()
        return oldest, newest

    with serving() as port:
        oldest, newest = asyncio.run(ask(port))
    assert oldest == b""
    assert b" 204 " in newest


def test_requests_after_each_other_on_one_connection_are_all_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(port: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        statuses = []
        for _ in range(3):
            for piece in (b"POST / HTTP/1.1\r\nHost: x\r\n", b"Content-Length: 4\r\n\r\nha", b"lf"):
                writer.write(piece)
                await writer.drain()
            statuses.append((await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60))[9:12])
            assert not PatientProtocol.half_open
        writer.close()
        return statuses

    with serving() as port:
        assert asyncio.run(ask(port)) == [b"204"] * 3


def test_many_are_let_in_at_once_while_others_are_answered() -> None:
    many = 4 * ACCEPTED_AT_ONCE

    async def let_in() -> int:
        """Return in how many turns of the event loop all are let in who came in one."""
        running = PromptServer(config)
        running.lifespan = running.config.lifespan_class(running.config)
        await running.startup()
        port = running.servers[0].sockets[0].getsockname()[1]
        waiting = [socket.create_connection(("127.0.0.1", port), 60) for _ in range(many)]
        turns = 0
        async with asyncio.timeout(60):
            while len(running.server_state.connections) < many:
                await asyncio.sleep(0)
                turns += 1
        for one in waiting:
            one.close()
        await running.shutdown()
        return turns

    config = configured()
    config.load()
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        assert runner.run(let_in()) < many / 2
