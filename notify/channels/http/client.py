"""The interface of our HTTP clients: a request ends in exactly one of three outcomes.

- *not sent* (NotSent): the provider cannot have seen the request, so it may be sent again;
- *unknown* (OutcomeUnknown): the provider may have seen it, so it is asked before anything is sent again (law 8);
- *answered* (Answer): an answer of any status arrived.

Both clients, `notify.channels.http.connections` and `notify.channels.http.proxied`, are tested against it by
tests/notify/channels/test_http_contract.py. Neither follows redirects, keeps cookies, asks for compression, repeats a
request or reads proxies from the environment.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from multidict import CIMultiDict
from yarl import URL

MOST_BYTES = 4 * 2**20  # of one answer; a page of Twilio's list has some 600 KB
HAPPY_EYEBALLS_S = 0.25  # until the next address is tried in parallel (RFC 8305, section 8)

Origin = tuple[str, int, bool]  # host, port, with TLS


class NotSent(Exception):
    """No byte of the request has left. The reason is "refused", "dns", "tls", "connect-timeout", "invalid-url",
    "not-public" (`Outbound.public_only`), or "proxy-..." if the proxy refuses, is unknown or answers CONNECT with a
    status other than 200."""


class OutcomeUnknown(Exception):
    """The request may have arrived, but no complete answer did. The reason is "timeout", "connection-lost",
    "unreadable" or "too-long"."""


class Answer(NamedTuple):
    """The answer of a provider."""

    status: int
    raw_headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by name, in upper or lower case."""
        return CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw_headers)


class Endpoint:
    """A method, a URL and the headers of all requests to it, encoded once. Raises ValueError for a line break."""

    def __init__(self, method: str, url: URL | str, headers: Mapping[str, str]) -> None:
        self.origin: Origin | None = None
        self.method, self.headers = method, headers
        try:
            self.url = url = URL(url)
        except ValueError:
            return
        if url.scheme not in ("http", "https") or not url.raw_host or not url.port:
            return  # `ask` raises NotSent
        self.origin = (url.raw_host, url.port, url.scheme == "https")
        default = url.port == (443 if url.scheme == "https" else 80)
        host = f"[{url.raw_host}]" if ":" in url.raw_host else url.raw_host
        lines = {"Host": host if default else f"{host}:{url.port}", "User-Agent": "Tocsin"} | dict(headers)
        if any(c in text for line in lines.items() for text in line for c in "\r\n\0"):
            raise ValueError("A header contains a line break.")
        written = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.head = f"{method} {url.raw_path_qs} HTTP/1.1\r\n{written}".encode("latin-1")


class HttpClient(Protocol):
    """One per event loop."""

    async def ask(
        self, endpoint: Endpoint, body: bytes | None, timeout_s: float, leave_by_s: float = math.inf
    ) -> Answer:
        """Send one request. Raises NotSent or OutcomeUnknown.

        `timeout_s` covers all of it; a connection must be open within half of that. If it opens later than
        `leave_by_s`, a moment of `time.monotonic()`, it is kept for the next request, and this one raises
        `notify.channels.contract.Late`.
        """
        ...

    async def close(self) -> None: ...
