"""Connections are kept, answers are whole, and nobody gets the answer to another's request."""

import asyncio
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from scripted import OK, Client, Line, Script, serve, until

from notify.channels.contract import Late
from notify.channels.http import connections as ours
from notify.channels.http.client import Endpoint, NotSent, OutcomeUnknown
from notify.channels.http.connections import Connections

Run = Callable[[Any], Any]
LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on each kind of loop that these connections are used on."""

    def on_loop(work: Any) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(work)

    return on_loop


def saying(said: bytes) -> Script:
    """Says that to the first request, then waits for the client to close."""

    async def script(line: Line) -> None:
        await line.request()
        await line.say(said)
        await line.until_closed()

    return script


def test_a_connection_is_used_again(run: Run) -> None:
    async def visit(client: Client) -> None:
        for _ in range(5):
            answer = await client.ask()
            assert (answer.status, answer.body, answer.headers["content-LENGTH"]) == (200, b"ok", "2")
        assert len(client.lines) == 1

    run(serve(Line.answer_all, visit))


def test_a_request_whose_connection_stands_too_late_leaves_it_for_the_next(run: Run) -> None:
    async def visit(client: Client) -> None:
        with pytest.raises(Late):
            await client.connections.ask(Endpoint("POST", client.url, {}), b"late", 60, time.monotonic())
        assert (await client.ask(b"in time")).body == b"ok"
        assert (len(client.lines), seen) == (1, [b"in time"])

    seen: list[bytes] = []

    async def script(line: Line) -> None:
        while (body := await line.request()) is not None:
            seen.append(body)
            await line.say(OK)

    run(serve(script, visit))


def test_a_request_is_written_as_http_wants_it(run: Run) -> None:
    seen: list[bytes] = []

    async def keep(line: Line) -> None:
        seen.append(await line._reader.readuntil(b"end"))
        await line.say(OK)

    async def once(client: Client) -> None:
        await client.connections.ask(Endpoint("PUT", f"{client.url}/a b?c=é", {"A": "b"}), b"the end", 60)
        port = client.url.rpartition(":")[2]
        assert seen[0].decode() == (
            f"PUT /a%20b?c=%C3%A9 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: Tocsin\r\nA: b\r\n"
            "Content-Length: 7\r\n\r\nthe end"
        )

    run(serve(keep, once))


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 201, b"abcde"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\n", 304, b""),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, b""),
    ],
    ids=["chunked", "continue", "continue-hints", "204", "304", "empty"],
)
def test_a_whole_answer_leaves_the_connection_for_the_next(run: Run, said: bytes, status: int, body: bytes) -> None:
    async def dribble(line: Line) -> None:
        while await line.request() is not None:
            for byte in said:  # at any boundary
                await line.say(bytes([byte]))
                await asyncio.sleep(0)

    async def visit(client: Client) -> None:
        for _ in range(3):
            answer = await client.ask()
            assert (answer.status, answer.body) == (status, body)
            assert "Link" not in answer.headers
        assert len(client.lines) == 1

    run(serve(dribble, visit))
    run(serve(lambda line: line.answer_all(said), visit))


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"garbage",
        OK + b"HTTP/1.1 500 Oops\r\nLeft: over\r\nContent-Length: 2\r\n\r\nno",
        OK + b"HTTP/1.1 500 Oops\r\nLeft: over\r\n",
    ],
    ids=["close", "http-1.0", "garbage", "second-answer", "half-an-answer"],
)
def test_a_connection_that_is_no_good_afterwards_is_closed_by_us(run: Run, said: bytes) -> None:
    """Each of these servers keeps it open for as long as we do."""
    closed = 0

    async def script(line: Line) -> None:
        nonlocal closed
        await saying(said)(line)
        closed += 1

    async def visit(client: Client) -> None:
        for _ in range(3):
            answer = await client.ask()
            assert (answer.status, answer.body) == (200, b"ok")
            assert "Left" not in answer.headers
        await until(lambda: closed == 3)

    run(serve(script, visit))


def test_a_server_that_closes_between_requests_costs_a_new_connection(run: Run) -> None:
    async def script(line: Line) -> None:
        await line.request()
        await line.say(OK)

    async def visit(client: Client) -> None:
        for asked in range(3):
            assert (await client.ask()).status == 200
            await until(lambda: not client.connections._all)
            assert len(client.lines) == asked + 1

    run(serve(script, visit))


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"], ids=["end", "408"]
)
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_what_comes_on_an_idle_connection_is_no_answer(run: Run, said: bytes, seen: bool) -> None:
    """Also when our loop has not looked yet: the request has not been written, so it may go on another connection."""

    async def visit() -> None:
        loop, connections = asyncio.get_running_loop(), Connections()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            endpoint = Endpoint("POST", f"http://127.0.0.1:{listening.getsockname()[1]}/", {})
            asked = loop.create_task(connections.ask(endpoint, b"1", 60))
            first = await _answered(listening)
            assert (await asked).status == 200
            if said:
                first.sendall(said)
            first.close()
            if seen:
                await until(lambda: not connections._all)
            again = loop.create_task(_answered(listening))
            answer = await connections.ask(endpoint, b"2", 60)
            (await again).close()
            assert answer.status == 200
        await connections.close()

    run(visit())


async def _answered(listening: socket.socket) -> socket.socket:
    """The next connection, with its first request answered."""
    loop = asyncio.get_running_loop()
    theirs, _ = await loop.sock_accept(listening)
    theirs.setblocking(False)
    while not (await loop.sock_recv(theirs, 4096)).rpartition(b"\r\n\r\n")[2]:
        pass
    await loop.sock_sendall(theirs, OK)
    return theirs


def test_a_connection_that_was_idle_for_long_is_not_trusted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "IDLE_MOST_S", 0.0)

    async def visit(client: Client) -> None:
        for _ in range(3):
            await client.ask()
        assert len(client.lines) == 3

    run(serve(Line.answer_all, visit))


def test_an_answer_that_is_too_long_is_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "MOST_BYTES", 2**16)

    async def visit(client: Client) -> None:
        with pytest.raises(OutcomeUnknown, match="too-long"):
            await client.ask()
        await until(lambda: not client.connections._all)

    run(serve(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99999), visit))


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_never_mixed_up(run: Run, seed: int) -> None:
    """200 at once with random delays, some of them given up by a timeout or by their caller."""
    dice = random.Random(seed)

    async def echo(line: Line) -> None:
        while (body := await line.request()) is not None:
            await asyncio.sleep(dice.random() * 0.05)
            await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            await asyncio.sleep(dice.choice([0, 0, 0.01]))
            await line.say(body)

    async def one(client: Client, number: int) -> bool:
        body = b"%d" % number * dice.randint(1, 5)
        try:
            if number % 10 == 0:
                async with asyncio.timeout(dice.random() * 0.05):
                    return (await client.ask(body)).body == body
            return (await client.ask(body, dice.choice([0.03, 60, 60, 60]))).body == body
        except (OutcomeUnknown, NotSent, TimeoutError):
            return True

    async def visit(client: Client) -> None:
        for round_ in range(4):
            right = await asyncio.gather(*(one(client, round_ * 1000 + number) for number in range(200)))
            assert all(right)
        assert len(client.lines) < 600  # most were used again

    run(serve(echo, visit))


def test_a_caller_who_goes_away_takes_the_connection_along(run: Run) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        asked.set()
        await line.until_closed()
        closed.set()

    async def visit(client: Client) -> None:
        call = asyncio.ensure_future(client.ask())
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await closed.wait()

    run(serve(script, visit))
