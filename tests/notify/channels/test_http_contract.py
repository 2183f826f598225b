"""Both HTTP clients keep one contract: a request is not sent, of unknown outcome, or answered (law 8).

The eight cases are those at which clients are known to differ. `received` is what the provider had in full: a client
that says "not sent" although it was received sends an alert twice.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from scripted import OK, Client, Line, serve, until
from test_connections import Run, run

from notify.channels.contract import Late
from notify.channels.http.client import Answer, Endpoint, HttpClient, NotSent, OutcomeUnknown
from notify.channels.http.outbound import Outbound, open_client
from tests import certificates
from tests.connect_proxy import ConnectProxy

__all__ = ["run"]

PROVIDER = "provider.example"  # a name that only the proxy knows


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an authority that no system trusts, as TLS inspection has it."""
    return certificates.certificate(tmp_path_factory.mktemp("tls"), ["localhost", PROVIDER])


@dataclass
class Way:
    """A client, and the provider as it reaches it."""

    client: HttpClient
    proxy: ConnectProxy
    host: str
    port: int = 0
    received: list[bytes] = field(default_factory=list)

    async def ask(
        self, body: bytes = b"x", timeout_s: float = 60.0, leave_by_s: float = float("inf"), method: str = "POST"
    ) -> Answer:
        endpoint = Endpoint(method, f"https://{self.host}:{self.port}/", {"Content-Type": "text/plain"})
        return await self.client.ask(endpoint, body, timeout_s, leave_by_s)


Visit = Callable[[Way], Awaitable[None]]
Trial = Callable[[Callable[[Line, Way], Awaitable[None]], Visit], None]


@contextlib.asynccontextmanager
async def opened(kind: str, ca_file: Path | None, proxy: ConnectProxy) -> AsyncIterator[Way]:
    async with proxy.running():
        through = proxy.url if kind == "proxied" else ""
        client = open_client(Outbound(through, (), ca_file))
        try:
            yield Way(client, proxy, PROVIDER if kind == "proxied" else "localhost")
        finally:
            await client.close()


@pytest.fixture(params=["direct", "proxied"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def trial(run: Run, certificate: Path, kind: str) -> Trial:
    """Run a provider's script and a visit to it by each client, on each kind of loop."""

    def on_loop(script: Callable[[Line, Way], Awaitable[None]], visit: Visit) -> None:
        async def whole() -> None:
            async with opened(kind, certificate, ConnectProxy({PROVIDER: "127.0.0.1"})) as way:

                async def follow(line: Line) -> None:
                    await script(line, way)

                async def go(client: Client) -> None:
                    way.port = int(client.url.rpartition(":")[2])
                    await visit(way)

                await serve(follow, go, certificates.served_by(certificate))

        run(whole())

    return on_loop


async def reading(line: Line, way: Way) -> bool:
    """Whether another request came; it is noted as received."""
    body = await line.request()
    if body is not None:
        way.received.append(body)
    return body is not None


async def answering(line: Line, way: Way) -> None:
    while await reading(line, way):
        await line.say(OK)


def test_a_request_is_answered_and_its_connection_used_again(trial: Trial) -> None:
    async def visit(way: Way) -> None:
        for number in range(3):
            answer = await way.ask(b"%d" % number)
            assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"ok", "2")
        assert way.received == [b"0", b"1", b"2"]
        assert way.proxy.asked == ([] if way.host == "localhost" else [f"CONNECT {PROVIDER}:{way.port} HTTP/1.1"])

    trial(answering, visit)


# 1 to 4: not sent


def test_a_refused_connection_is_not_sent(trial: Trial, kind: str) -> None:
    async def visit(way: Way) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            way.port = unused.getsockname()[1]
            with pytest.raises(NotSent, match="refused" if kind == "direct" else "proxy-502"):
                await way.ask()

    trial(answering, visit)


def test_a_name_that_nobody_knows_is_not_sent(trial: Trial, kind: str) -> None:
    async def visit(way: Way) -> None:
        way.host = "nowhere.invalid"
        with pytest.raises(NotSent, match="dns" if kind == "direct" else "proxy-502"):
            await way.ask()

    trial(answering, visit)


def test_a_proxy_that_is_down_sent_nothing(run: Run, certificate: Path) -> None:
    async def visit() -> None:
        async with opened("proxied", certificate, ConnectProxy()) as way:
            stopped = way.proxy.url
        client = open_client(Outbound(stopped))
        with pytest.raises(NotSent, match="proxy-refused"):
            await client.ask(Endpoint("POST", "https://provider.example/", {}), b"x", 60)
        await client.close()
        client = open_client(Outbound("http://nowhere.invalid:3128"))
        with pytest.raises(NotSent, match="proxy-dns"):
            await client.ask(Endpoint("POST", "https://provider.example/", {}), b"x", 60)
        await client.close()

    run(visit())


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ({"status": b"502 Bad Gateway"}, "proxy-502"),
        ({"status": b"403 Forbidden"}, "proxy-403"),
        ({"credentials": b"dXNlcjpvdGhlcg=="}, "proxy-407"),
        ({"hangs": True}, "connect-timeout"),
        ({"hangs_up": True}, "proxy-unreadable"),
        ({"status": b"SSH"}, "proxy-"),
    ],
    ids=["502", "403", "407", "hangs", "hangs-up", "unreadable"],
)
def test_a_proxy_that_makes_no_tunnel_sent_nothing(run: Run, behaviour: dict[str, Any], why: str) -> None:
    proxy = ConnectProxy(**behaviour)

    async def visit() -> None:
        async with proxy.running():
            client = open_client(Outbound(proxy.url.replace("//", "//user:secret@")))
            with pytest.raises(NotSent, match=why):
                await client.ask(Endpoint("POST", f"https://{PROVIDER}/", {}), b"x", 12 if proxy.hangs else 60)
            await client.close()
            assert proxy.asked == [f"CONNECT {PROVIDER}:443 HTTP/1.1"]

    run(visit())


def test_a_certificate_that_nobody_trusts_sent_nothing(run: Run, certificate: Path, kind: str) -> None:
    async def visit(client: Client) -> None:
        async with opened(kind, None, ConnectProxy({PROVIDER: "127.0.0.1"})) as way:
            way.port = int(client.url.rpartition(":")[2])
            with pytest.raises(NotSent, match="tls"):
                await way.ask()
        assert not client.lines

    run(serve(Line.answer_all, visit, certificates.served_by(certificate)))


# 5 to 8: unknown


def test_a_connection_closed_after_the_request_leaves_its_outcome_unknown(trial: Trial) -> None:
    async def script(line: Line, way: Way) -> None:
        await reading(line, way)

    async def visit(way: Way) -> None:
        with pytest.raises(OutcomeUnknown, match="connection-lost"):
            await way.ask()
        assert way.received == [b"x"]  # and it was not repeated

    trial(script, visit)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_connection_reset_after_the_request_leaves_its_outcome_unknown(trial: Trial, method: str, kept: bool) -> None:
    async def script(line: Line, way: Way) -> None:
        if kept and await reading(line, way):
            await line.say(OK)
        if await reading(line, way):
            line.reset()

    async def visit(way: Way) -> None:
        if kept:
            await way.ask(b"first")
        with pytest.raises(OutcomeUnknown, match="connection-lost"):
            await way.ask(method=method)
        assert way.received == [b"first", b"x"][not kept :]

    trial(script, visit)


def test_no_answer_in_time_leaves_the_outcome_unknown(trial: Trial) -> None:
    async def script(line: Line, way: Way) -> None:
        await reading(line, way)
        await line.say(OK)
        await reading(line, way)
        await line.until_closed()

    async def visit(way: Way) -> None:
        await way.ask(b"first")  # so that the short time is not spent on connecting
        with pytest.raises(OutcomeUnknown, match="timeout"):
            await way.ask(b"second", timeout_s=0.4)
        await until(lambda: way.received == [b"first", b"second"])

    trial(script, visit)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_kept_connection_closed_at_its_second_request_leaves_the_outcome_unknown(trial: Trial, method: str) -> None:
    """A GET, too: aiohttp would repeat it by itself (RFC 9112, section 9.3.1)."""

    async def script(line: Line, way: Way) -> None:
        if await reading(line, way):
            await line.say(OK)
            await reading(line, way)

    async def visit(way: Way) -> None:
        await way.ask(b"first")
        with pytest.raises(OutcomeUnknown, match="connection-lost"):
            await way.ask(b"second", method=method)
        assert way.received == [b"first", b"second"]

    trial(script, visit)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
    ids=["headers", "body", "chunks"],
)
def test_half_an_answer_leaves_the_outcome_unknown(trial: Trial, said: bytes) -> None:
    async def script(line: Line, way: Way) -> None:
        if await reading(line, way):
            await line.say(said)

    async def visit(way: Way) -> None:
        with pytest.raises(OutcomeUnknown):
            await way.ask()
        assert way.received == [b"x"]

    trial(script, visit)


# And beside them


def test_an_answer_that_is_not_http_leaves_the_outcome_unknown(trial: Trial) -> None:
    async def script(line: Line, way: Way) -> None:
        if await reading(line, way):
            await line.say(b"SSH-2.0-OpenSSH\r\n\r\n")
            await line.until_closed()

    async def visit(way: Way) -> None:
        with pytest.raises(OutcomeUnknown, match="unreadable"):
            await way.ask()

    trial(script, visit)


def test_a_status_that_refuses_has_said_enough(trial: Trial) -> None:
    async def script(line: Line, way: Way) -> None:
        if await reading(line, way):
            await line.say(b"HTTP/1.1 429 Slow Down\r\nRetry-After: 2\r\nContent-Length: 5\r\n\r\nok")

    async def visit(way: Way) -> None:
        answer = await way.ask()
        assert (answer.status, answer.headers["Retry-After"]) == (429, "2")

    trial(script, visit)


def test_an_endless_answer_is_cut(trial: Trial) -> None:
    async def script(line: Line, way: Way) -> None:
        if await reading(line, way):
            await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
            for _ in range(6):
                await line.say(b"x" * 2**20)
            await line.until_closed()

    async def visit(way: Way) -> None:
        with pytest.raises(OutcomeUnknown, match="too-long"):
            await way.ask()

    trial(script, visit)


def test_redirects_are_answers(trial: Trial) -> None:
    async def script(line: Line, way: Way) -> None:
        while await reading(line, way):
            await line.say(b"HTTP/1.1 307 Elsewhere\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")

    async def visit(way: Way) -> None:
        assert (await way.ask()).status == 307
        assert way.received == [b"x"]

    trial(script, visit)


def test_a_connection_that_opens_too_late_is_left_for_the_next(trial: Trial) -> None:
    async def visit(way: Way) -> None:
        with pytest.raises(Late):
            await way.ask(b"late", leave_by_s=time.monotonic())
        assert (await way.ask(b"in time")).body == b"ok"
        assert way.received == [b"in time"]
        assert len(way.proxy.asked) in (0, 1)

    trial(answering, visit)


def test_a_connection_that_was_closed_while_idle_costs_a_new_one(trial: Trial) -> None:
    async def script(line: Line, way: Way) -> None:
        if await reading(line, way):
            await line.say(OK)

    async def visit(way: Way) -> None:
        for number in range(3):
            assert (await way.ask(b"%d" % number)).status == 200
            await asyncio.sleep(0.05)  # the proxy passes the end on; nobody here can see when
        assert way.received == [b"0", b"1", b"2"]

    trial(script, visit)


@pytest.mark.parametrize("url", ["ftp://provider.example/", "/no-host", "http://[/", "http://127.0.0.1:99999/"])
def test_an_address_that_is_none_is_not_sent(run: Run, url: str, kind: str) -> None:
    async def visit() -> None:
        async with opened(kind, None, ConnectProxy()) as way:
            with pytest.raises(NotSent, match="invalid-url"):
                await way.client.ask(Endpoint("POST", url, {}), b"x", 60)

    run(visit())


def test_a_blackholed_address_does_not_use_up_the_time_of_the_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is ::1, where SYNs are not answered, and then 127.0.0.1, where somebody is."""

    async def visit(client: Client) -> None:
        port = int(client.url.rpartition(":")[2])
        loop = asyncio.get_running_loop()
        addresses = [
            (family, socket.SOCK_STREAM, 6, "", (host, port))
            for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"))
        ]

        resolved = type(loop).getaddrinfo

        async def resolve(self: Any, host: Any, *details: Any, **more: Any) -> Any:
            return addresses if host == "localhost" else await resolved(self, host, *details, **more)

        monkeypatch.setattr(type(loop), "getaddrinfo", resolve)
        with blackhole(port):
            answer = await client.connections.ask(Endpoint("POST", f"http://localhost:{port}/", {}), b"x", 60)
        assert answer.body == b"ok"

    run(serve(Line.answer_all, visit))


@contextlib.contextmanager
def blackhole(port: int) -> Iterator[None]:
    """A listener at ::1 whose queue is full: the kernel answers no further SYN."""
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", port))
        listener.listen(0)
        waiting = [socket.socket(socket.AF_INET6) for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("::1", port))
            yield
        finally:
            for one in waiting:
                one.close()
