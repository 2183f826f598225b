"""No test talks to anything but this machine, and the two servers that tests may be given."""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import pytest


class NetworkBlocked(RuntimeError):
    """Not an OSError: code that expects a network to fail at times must not swallow it."""


def block(monkeypatch: pytest.MonkeyPatch, given_urls: Iterable[str]) -> None:
    """Let Python's sockets connect to loopback, and to the hosts of these URLs; refuse all others.

    uvloop and aiohttp connect through Python's sockets, too. What C code does by itself (libpq) is not seen here.
    """
    names = {host for url in given_urls if (host := urlsplit(url).hostname)}
    resolve = socket.getaddrinfo
    numbers = {str(found[4][0]) for name in names for found in resolve(name, None)}

    def may_reach(host: object) -> bool:
        name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        try:
            return name in numbers or ipaddress.ip_address(name.partition("%")[0]).is_loopback
        except ValueError:
            return name == "localhost" or name in names

    def check(address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"  # else a Unix socket
        if not may_reach(host):
            raise NetworkBlocked(f"A test tried to reach {host}.")

    for name in ("connect", "connect_ex", "sendto"):
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, *args: Any, _original: Any = original) -> Any:
            check(args[-1])
            return _original(self, *args)

        monkeypatch.setattr(socket.socket, name, guarded)

    def guarded_lookup(host: Any, *args: Any, **options: Any) -> Any:
        if not str(host).endswith(".invalid"):  # never resolves (RFC 6761, section 6.4): tests may see that fail
            check((host,))
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_lookup)
