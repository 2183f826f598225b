"""Which hosts are reached through the proxy, and settings that cannot be used."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from notify.channels.http.client import Endpoint, NotSent
from notify.channels.http.connections import Connections
from notify.channels.http.outbound import Outbound, open_client
from notify.core.errors import Unavailable
from notify.core.settings import Settings

PROXY = "http://proxy.example:8080"


def outbound(no_proxy: str = "", **more: Any) -> Outbound:
    return Outbound.of(Settings(outbound_proxy=PROXY, outbound_no_proxy=no_proxy, **more))


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "direct"),
    [
        ("", "api.twilio.com", 443, False),
        ("", "127.0.0.1", 8025, True),  # this machine is never behind a proxy
        ("", "::1", 8025, True),
        ("", "LocalHost.", 8025, True),
        ("*", "api.twilio.com", 443, True),
        ("example.org", "example.org", 443, True),
        ("example.org", "a.example.org", 443, True),
        (".example.org", "a.example.org", 443, True),
        ("*.example.org", "a.example.org", 443, True),
        ("Example.ORG", "a.example.org.", 443, True),
        ("example.org", "badexample.org", 443, False),
        ("example.org:8443", "example.org", 443, False),
        ("example.org:8443", "example.org", 8443, True),
        ("a.example, 10.0.0.0/8 b.example", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "10.example.org", 443, False),
        ("10.1.2.3:8443", "10.1.2.3", 8443, True),
        ("fd00::/8", "fd00::1", 443, True),
        ("[fd00::1]:8443", "fd00::1", 8443, True),
        ("[fd00::1]:8443", "fd00::1", 443, False),
    ],
)
def test_hosts_that_are_exempt_from_the_proxy(no_proxy: str, host: str, port: int, direct: bool) -> None:
    assert outbound(no_proxy).proxy_for(host, port) == ("" if direct else PROXY)


@pytest.mark.parametrize(
    "proxy", ["proxy.example:8080", "https://proxy.example", "socks5://proxy.example", "http://", "http://p/path"]
)
def test_a_proxy_that_is_none_is_refused_without_its_password(proxy: str) -> None:
    with pytest.raises(Unavailable, match="TOCSIN_OUTBOUND_PROXY") as refused:
        Outbound.of(Settings(outbound_proxy=proxy.replace("://", "://user:secret@")))  # type: ignore[arg-type]
    assert "secret" not in str(refused.value) + str(refused.value.hint)


def test_an_exemption_that_is_none_is_refused() -> None:
    with pytest.raises(Unavailable, match=r"http://a\.example"):
        outbound("http://a.example/")


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_file_of_authorities_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "city.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Unavailable, match="TOCSIN_OUTBOUND_CA_FILE"):
        outbound(outbound_ca_file=file)


def test_without_a_proxy_the_fast_client_serves() -> None:
    assert isinstance(open_client(Outbound.of(Settings())), Connections)


def test_an_empty_file_name_is_none() -> None:
    """Compose passes every setting, also those that are not set."""
    assert Settings(outbound_ca_file="").outbound_ca_file is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07::1", True),
        ("county.example.gov", True),  # its addresses are looked at when they are known
        ("localhost", False),
        ("LocalHost.", False),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
    ],
)
def test_addresses_that_strangers_give_are_public(host: str, allowed: bool) -> None:
    assert Outbound(public_only=True).allows(host) == allowed
    assert Outbound().allows(host)


@pytest.mark.parametrize("proxy", ["", PROXY])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_no_connection_is_opened_to_others(host: str, proxy: str) -> None:
    async def ask() -> None:
        client = open_client(Outbound(proxy=proxy, public_only=True))
        try:
            await client.ask(Endpoint("GET", f"http://{host}:9/", {}), None, 5)
        finally:
            await client.close()

    with pytest.raises(NotSent, match="not-public"):
        asyncio.run(ask())


def test_a_name_that_leads_into_the_own_network_is_refused_when_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    async def ask() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        client = Connections(Outbound(public_only=True))
        await client.ask(Endpoint("GET", "http://county.example.gov:9/", {}), None, 5)

    with pytest.raises(NotSent, match="not-public"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("64:ff9b::a00:1", False),  # 10.0.0.1
        ("64:ff9b::808:808", True),  # 8.8.8.8
        ("::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2002:a00:1::", False),
        ("64:ff9b:1::808:808", False),
        ("fec0::1", False),
        ("2606:4700::1111", True),
    ],
)
def test_public_only_judges_the_address_that_an_ipv6_address_leads_to(host: str, allowed: bool) -> None:
    assert Outbound(public_only=True).allows(host) == allowed
