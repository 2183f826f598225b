"""How Tocsin reaches other hosts: directly or through the city's proxy, and which authorities it trusts.

These settings hold for messages, the outside geocoder and `tocsin check` alike. `HTTPS_PROXY` and similar variables are
not read: clients disagree about what they mean (https://about.gitlab.com/blog/2021/01/27/we-need-to-talk-no-proxy/).
"""

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from yarl import URL

from notify.channels.http.client import HttpClient
from notify.core.errors import Unavailable
from notify.core.settings import Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 6052 (NAT64) and RFC 4291 section 2.5.5.1 (IPv4-compatible): the last 32 bits are an IPv4 address.
IPV4_LAST = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
# Local NAT64 (RFC 8215) and site-local addresses (RFC 3879): never public.
INSIDE = (ipaddress.IPv6Network("64:ff9b:1::/48"), ipaddress.IPv6Network("fec0::/10"))


class Exemption(NamedTuple):
    """One entry of TOCSIN_OUTBOUND_NO_PROXY."""

    name: str  # of a host and its subdomains; "" for a network or for any host
    network: Network | None
    port: int | None  # None: any

    def covers(self, host: str, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            address = _address(host)
            return address is not None and address in self.network
        return not self.name or host == self.name or host.endswith(f".{self.name}")


@dataclass(frozen=True)
class Outbound:
    """The city's proxy and certificates. `of` reads and checks the settings."""

    proxy: str = ""  # http://user:password@host:port; "" is a direct connection
    exemptions: tuple[Exemption, ...] = ()
    ca_file: Path | None = None  # PEM, trusted beside the system's authorities
    public_only: bool = False  # for URLs that strangers give: none leads to this machine or the city's own network

    @classmethod
    def of(cls, settings: Settings) -> "Outbound":
        """Read the settings. Raises Unavailable if they cannot be used, without repeating the proxy's password."""
        proxy = settings.outbound_proxy.get_secret_value().strip()
        if proxy and not _is_proxy(proxy):
            raise Unavailable(
                "TOCSIN_OUTBOUND_PROXY is not the address of an HTTP proxy.",
                hint="Write it as http://proxy.example.org:8080 or http://user:password@proxy.example.org:8080.",
            )
        outbound = cls(proxy, tuple(_exemptions(settings.outbound_no_proxy)), settings.outbound_ca_file)
        if outbound.ca_file is not None:
            outbound.tls  # noqa: B018  reads the file now rather than with the first message
        return outbound

    def proxy_for(self, host: str, port: int) -> str:
        """Return the proxy for this host, or "" for a direct connection. Loopback addresses are always direct."""
        host = host.lower().rstrip(".")
        address = _address(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            return ""
        return "" if any(exemption.covers(host, port) for exemption in self.exemptions) else self.proxy

    def allows(self, host: str) -> bool:
        """Return whether this address may be connected to; a name is allowed until it is resolved.

        Through a proxy names are resolved there, and what they may lead to is the proxy's rule.
        """
        address = _address(host)
        if not self.public_only:
            return True
        if address is None:
            return host.lower().rstrip(".") != "localhost"
        if any(address in network for network in INSIDE):
            return False
        inner = _embedded(address)
        return bool(inner.is_global) and not inner.is_multicast

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Trusts the system's authorities, and the city's own where a proxy inspects TLS. Raises Unavailable."""
        context = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise Unavailable(
                    f"TOCSIN_OUTBOUND_CA_FILE, {self.ca_file}, cannot be read: {error.strerror or error}.",
                    hint="Give a file of certificates in PEM format.",
                ) from None
        return context


def open_client(outbound: Outbound) -> HttpClient:
    """Return a client for one event loop: the fast one, or the one for proxies if the city has a proxy."""
    # Imported only when needed: aiohttp costs a process 11 MB, and most cities need no proxy.
    if outbound.proxy:
        from notify.channels.http.proxied import ProxiedConnections

        return ProxiedConnections(outbound)
    from notify.channels.http.connections import Connections

    return Connections(outbound)


def _is_proxy(text: str) -> bool:
    try:
        url = URL(text)
        return url.scheme == "http" and bool(url.host) and bool(url.port) and url.path in ("", "/")
    except ValueError:
        return False


def _exemptions(text: str) -> Iterator[Exemption]:
    for entry in text.replace(",", " ").lower().split():
        yield _exemption(entry)


def _exemption(entry: str) -> Exemption:
    """Parse a host name, `.name` or `*.name`, an address or a network, with or without `:port`; `*` is any host."""
    try:
        return Exemption("", ipaddress.ip_network(entry.strip("[]"), strict=False), None)
    except ValueError:
        pass
    host, colon, port = entry.rpartition(":")
    if not colon:
        host, port = entry, ""
    if colon and not port.isdecimal():
        raise Unavailable(
            f"`{entry}` in TOCSIN_OUTBOUND_NO_PROXY is not a host, address or network.",
            hint="Separate the entries with commas, such as .example.org,10.0.0.0/8.",
        )
    number = int(port) if port else None
    try:
        return Exemption("", ipaddress.ip_network(host.strip("[]"), strict=False), number)
    except ValueError:
        return Exemption(host.removeprefix("*").strip("."), None, number)


def _embedded(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address leads to by mapping, NAT64 or 6to4, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in IPV4_LAST):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
