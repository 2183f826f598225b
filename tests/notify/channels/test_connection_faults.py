"""Whatever goes wrong with a request: NotSent if certainly nothing has left, OutcomeUnknown if anything may have."""

import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from scripted import OK, Client, Line, Script, serve
from test_connections import Run, run, saying

from notify.channels.http.client import Answer, Endpoint, NotSent, OutcomeUnknown
from notify.channels.http.connections import Connections
from tests import certificates
from tests.certificates import served_by

__all__ = ["run"]


def cutting(said: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.request()
        await line.say(said)

    return script


def stalling(said: bytes) -> Script:
    """As `saying`, but the first request is answered, so that a short time is not spent on connecting."""

    async def script(line: Line) -> None:
        await line.request()
        await line.say(OK)
        await line.request()
        await line.say(said)
        await line.until_closed()

    return script


async def once(client: Client) -> Answer:
    return await client.ask()


async def twice(client: Client) -> Answer:
    await client.ask()
    return await client.ask(timeout_s=0.2)


CUT = {
    "at-once": b"",
    "in-headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "after-headers": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "in-body": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
    "in-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "between-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "after-continue": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("said", CUT.values(), ids=CUT)
def test_an_answer_that_is_cut_is_none(run: Run, said: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="connection-lost"):
        run(serve(cutting(said), once))


def test_an_answer_without_a_length_ends_with_its_connection(run: Run) -> None:
    answer = run(serve(cutting(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nall of it"), once))
    assert (answer.status, answer.headers["A"], answer.body) == (200, "b", b"all of it")


@pytest.mark.parametrize("said", [*CUT.values(), b"HTTP/1.1 200 OK\r\n\r\nmore to come"], ids=[*CUT, "no-length"])
def test_an_answer_that_stalls_is_none(run: Run, said: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="timeout"):
        run(serve(stalling(said), twice))


async def twice_patiently(client: Client) -> Answer:
    await client.ask()
    return await client.ask(timeout_s=2)  # enough for the status, on a busy machine, too


@pytest.mark.parametrize(("script", "visit"), [(cutting, once), (stalling, twice_patiently)], ids=["cut", "stalled"])
def test_a_status_that_refuses_has_said_enough(
    run: Run, script: Callable[[bytes], Script], visit: Callable[[Client], Awaitable[Answer]]
) -> None:
    said = b"HTTP/1.1 429 Slow Down\r\nRetry-After: 2\r\nContent-Length: 5\r\n\r\nok"
    answer = run(serve(script(said), visit))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2")


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n"],
)
def test_what_is_not_http_is_no_answer(run: Run, said: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="unreadable"):
        run(serve(saying(said), once))


async def ask(url: str, timeout_s: float = 60.0) -> Answer:
    connections = Connections()
    try:
        return await connections.ask(Endpoint("POST", url, {}), b"x", timeout_s)
    finally:
        assert not connections._all
        await connections.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://nowhere.invalid/", "dns"),
        (f"http://{'a' * 64}.invalid/", "dns"),
        ("ftp://127.0.0.1/", "invalid-url"),
        ("/no-host", "invalid-url"),
        ("http://127.0.0.1:99999/", "invalid-url"),
        ("http://[/", "invalid-url"),
    ],
)
def test_an_address_that_leads_nowhere(run: Run, url: str, why: str) -> None:
    with pytest.raises(NotSent, match=why):
        run(ask(url))


def test_a_port_where_nobody_listens(run: Run) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent, match="refused"):
            run(ask(f"http://127.0.0.1:{unused.getsockname()[1]}/"))


@pytest.mark.parametrize(
    "headers",
    [{"A": "b\r\nC: d"}, {"A": "b\nC: d"}, {"A\r\nB": "c"}, {"A": "b\0"}, {"Host": "x\r\n\r\nGET / HTTP/1.1"}],
)
def test_a_header_cannot_bring_another_one(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="line break"):
        Endpoint("POST", "https://127.0.0.1/", headers)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a\r\nB: c", "http://127.0.0.1/?a=\r\nB: c", "http://127.0.0.1\r\nB/"]
)
def test_a_url_cannot_bring_a_header(url: str) -> None:
    endpoint = Endpoint("POST", url, {})
    assert endpoint.origin is None or b"\r\nB" not in endpoint.head


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of "localhost" and nobody else."""
    return certificates.certificate(tmp_path_factory.mktemp("tls"), ["localhost"])


def test_tls_with_a_trusted_certificate(run: Run, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def visit(client: Client) -> None:
        for _ in range(3):
            assert (await client.ask()).body == b"ok"
        assert len(client.lines) == 1
        with pytest.raises(NotSent, match="tls"):  # the certificate is another host's
            await ask(client.url.replace("localhost", "127.0.0.1"))

    run(serve(Line.answer_all, visit, served_by(certificate)))


def test_tls_with_a_certificate_that_nobody_trusts(run: Run, certificate: Path) -> None:
    async def visit(client: Client) -> None:
        with pytest.raises(NotSent, match="tls"):
            await client.ask()
        assert not client.lines  # the server has seen no request

    run(serve(Line.answer_all, visit, served_by(certificate)))


def test_tls_with_a_server_that_speaks_none(run: Run) -> None:
    async def visit(client: Client) -> None:
        with pytest.raises(NotSent, match="tls"):
            await ask(client.url.replace("http", "https"))

    async def refuse(line: Line) -> None:
        await line.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await line.until_closed()

    run(serve(refuse, visit))


def test_a_handshake_that_stalls_sent_nothing(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NotSent, match="connect-timeout"):
        run(ask(f"https://127.0.0.1:{silent.getsockname()[1]}/", 0.2))
