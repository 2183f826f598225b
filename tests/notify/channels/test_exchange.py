"""What never left is a SendError; the clock of the whole request runs for everything else."""

import asyncio
import socket

import pytest

from notify.channels.contract import SendError
from notify.channels.exchange import document, exchange, read_moment, retry_after_s
from notify.channels.http.client import Answer, Endpoint
from notify.channels.http.connections import Connections


async def _get(url: str, timeout_s: float) -> None:
    connections = Connections()
    try:
        await exchange(connections, Endpoint("POST", url, {}), b"x", timeout_s)
    finally:
        await connections.close()


def _error(url: str, timeout_s: float = 60.0) -> SendError:
    with pytest.raises(SendError) as caught:
        asyncio.run(_get(url, timeout_s))
    return caught.value


def test_a_refused_connection_sent_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening
        error = _error(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert (error.code, error.retryable, error.blame) == ("refused", True, "provider")


def test_a_host_without_an_address_sent_nothing() -> None:
    error = _error("http://nowhere.invalid/")
    assert (error.code, error.retryable, error.blame) == ("dns", True, "provider")


def test_a_connection_that_does_not_come_about_sent_nothing() -> None:
    """A listener whose queue is full: the kernel answers no further SYN."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            error = _error(f"http://127.0.0.1:{port}/", 1.0)
        finally:
            for one in waiting:
                one.close()
    assert (error.code, error.retryable, error.blame) == ("connect-timeout", True, "provider")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/no-host"])
def test_an_address_that_is_none_is_our_fault(url: str) -> None:
    error = _error(url)
    assert (error.retryable, error.blame) == (False, "us")


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"X-RateLimit-Reset": "1795428030", "Date": "Mon, 23 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"X-RateLimit-Reset": "60", "Date": "Mon, 23 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_waits(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after_s(headers) == (pytest.approx(wait_s) if wait_s is not None else None)


def test_a_moment_is_always_aware() -> None:
    for text in ("2026-11-23T10:00:00", "Mon, 23 Nov 2026 10:00:00 -0000", "1795428000"):
        moment = read_moment(text)
        assert moment is not None
        assert moment.isoformat() == "2026-11-23T10:00:00+00:00"
    assert read_moment("None") is None


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"\xff", b"", b"[1]", b"9" * 5_000])
def test_a_body_that_is_no_object_says_nothing(body: bytes) -> None:
    """The status still counts: that it cannot be read must not make an outcome unknown."""
    assert document(Answer(400, [], body)) == {}


@pytest.mark.parametrize(
    "body",
    [
        b'{"sid": "SM1", "body": "Your code \\ud83d"}',
        '{"sid": "SM1", "body": "Ä"}'.encode("utf-16"),
        b'{"sid": "SM1", "price": NaN}',
    ],
)
def test_what_orjson_refuses_is_read_as_the_providers_own_libraries_read_it(body: bytes) -> None:
    """Somebody else's message in a list must not make ours impossible to find."""
    read = document(Answer(200, [], body))
    assert read["sid"] == "SM1"
    assert str(read.get("body")).encode()  # has no half of a character
