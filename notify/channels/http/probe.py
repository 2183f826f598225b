"""Check the network path to one host, step by step, and time each: name, connection, proxy, TLS, answer."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeVar

from yarl import URL

from notify.channels.findings import Finding, green, red
from notify.channels.http.client import Endpoint
from notify.channels.http.outbound import Outbound
from notify.core.counting import counted

T = TypeVar("T")
HEAD_MOST = 64 * 1024  # bytes


class _Failed(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.said)
        self.finding = finding


def probe(name: str, url: str, outbound: Outbound, timeout_s: float) -> Iterator[Finding]:
    """Yield findings about the path to `url`, up to the first step that fails. Sends no credentials but the proxy's."""
    endpoint = Endpoint("HEAD", url or "/", {"Connection": "close"})
    subject = f"{name}: way out"
    if endpoint.origin is None:
        yield red(subject, f"{url!r} is not an http or https URL.", f"Correct the base URL of {name}.")
        return
    host, port, secure = endpoint.origin
    proxy = URL(outbound.proxy_for(host, port) or "/")
    with ExitStack() as opened:
        try:
            wire, findings = _connected(subject, str(proxy.host or host), proxy.port or port, timeout_s)
            opened.enter_context(wire)
            yield from findings
            if proxy.host and secure:
                yield _tunnel(subject, wire, proxy, host, port)
            if secure:
                wire, finding = _encrypted(subject, wire, host, outbound)
                opened.enter_context(wire)
                yield finding
            yield _answered(subject, wire, host, endpoint)
        except _Failed as failed:
            yield failed.finding


def _connected(subject: str, host: str, port: int, timeout_s: float) -> tuple[socket.socket, list[Finding]]:
    addresses, name_s = _timed(
        f"{subject}, name",
        lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
        f"The host name {host} cannot be resolved",
        "Check the name and this machine's DNS settings.",
    )
    wire, took_s = _timed(
        f"{subject}, connection",
        lambda: socket.create_connection((host, port), timeout_s),
        f"{host}:{port} does not accept connections",
        "Allow outgoing connections to it in the firewall, or correct TOCSIN_OUTBOUND_PROXY.",
    )
    return wire, [
        green(f"{subject}, name", f"{host} resolves to {counted(len(addresses), 'address')}.", name_s),
        green(f"{subject}, connection", f"{host}:{port} accepts connections.", took_s),
    ]


def _tunnel(subject: str, wire: socket.socket, proxy: URL, host: str, port: int) -> Finding:
    said, took_s = _timed(
        f"{subject}, proxy",
        lambda: _connect(wire, proxy, host, port),
        f"The proxy does not open a tunnel to {host}:{port}",
        "Allow the host in the proxy, and check the user and password in TOCSIN_OUTBOUND_PROXY.",
    )
    return green(f"{subject}, proxy", said, took_s)


def _encrypted(subject: str, wire: socket.socket, host: str, outbound: Outbound) -> tuple[ssl.SSLSocket, Finding]:
    tls, took_s = _timed(
        f"{subject}, TLS",
        lambda: outbound.tls.wrap_socket(wire, server_hostname=host),
        f"The TLS handshake with {host} failed",
        "If the proxy inspects TLS, set TOCSIN_OUTBOUND_CA_FILE to its authority's certificate.",
    )
    return tls, green(f"{subject}, TLS", f"The certificate of {host} is issued by {_issuer(tls)}.", took_s)


def _answered(subject: str, wire: socket.socket, host: str, endpoint: Endpoint) -> Finding:
    line, took_s = _timed(
        f"{subject}, answer",
        lambda: _ask(wire, endpoint),
        f"{host} does not answer an HTTP request",
        "Check that the address is the provider's.",
    )
    return green(f"{subject}, answer", f"{host} answers: {line}.", took_s)


def _timed(subject: str, step: Callable[[], T], said: str, todo: str) -> tuple[T, float]:
    """Return the result of a step and its seconds. Raises _Failed with a finding of `said`, the reason and `todo`."""
    began_s = time.monotonic()
    try:
        return step(), time.monotonic() - began_s
    except (OSError, UnicodeError, ValueError) as error:
        why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
        raise _Failed(red(subject, f"{said} ({why}).", todo, time.monotonic() - began_s)) from None


def _connect(wire: socket.socket, proxy: URL, host: str, port: int) -> str:
    from aiohttp import encode_basic_auth  # needed only with a proxy

    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    login = ""
    if proxy.user:  # in the encoding that aiohttp uses for messages
        login = f"Proxy-Authorization: {encode_basic_auth(proxy.user, proxy.password or '', 'latin-1')}\r\n"
    line = _exchange(wire, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{login}\r\n".encode())
    if line.split(" ")[1:2] != ["200"]:
        raise ValueError(f"the answer to CONNECT is {line[:80]!r}")
    return f"The proxy opens a tunnel to {target}."


def _ask(wire: socket.socket, endpoint: Endpoint) -> str:
    line = _exchange(wire, endpoint.head + b"\r\n")
    if not line.startswith("HTTP/"):
        raise ValueError(f"the answer begins with {line[:40]!r}")
    return line


def _exchange(wire: socket.socket, request: bytes) -> str:
    """Send a request. Return the first line of the answer, once all of its head is read."""
    wire.sendall(request)
    read = b""
    while b"\r\n\r\n" not in read and len(read) < HEAD_MOST:
        part = wire.recv(4096)
        if not part:
            break
        read += part
    if not read:
        raise ValueError("the connection was closed")
    return read.partition(b"\r\n")[0].decode("latin-1")


def _issuer(wire: ssl.SSLSocket) -> str:
    names = dict(pair for part in (wire.getpeercert() or {}).get("issuer", ()) for pair in part)  # type: ignore[misc]
    return str(names.get("organizationName") or names.get("commonName") or "an unnamed authority")
