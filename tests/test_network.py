"""Tests cannot leave this machine."""

import asyncio
import socket
import urllib.request

import aiohttp
import pytest
import uvloop

from tests.network import NetworkBlocked

ELSEWHERE = "192.0.2.1"  # RFC 5737: for documentation, nobody's


def test_a_connection_to_elsewhere_is_refused() -> None:
    with socket.socket() as s, pytest.raises(NetworkBlocked, match=ELSEWHERE):
        s.connect((ELSEWHERE, 80))
    with socket.socket(type=socket.SOCK_DGRAM) as s, pytest.raises(NetworkBlocked):
        s.sendto(b"?", (ELSEWHERE, 53))


def test_a_name_is_not_even_looked_up() -> None:
    with pytest.raises(NetworkBlocked, match=r"example\.org"):
        urllib.request.urlopen("http://example.org/", timeout=1)


def test_provider_requests_on_uvloop_are_refused_too() -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as client, client.get(f"http://{ELSEWHERE}/"):
            pass

    with pytest.raises(NetworkBlocked), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            assert client.getpeername() == server.getsockname()
        with socket.socket() as client:
            assert client.connect_ex(("localhost", server.getsockname()[1])) == 0
