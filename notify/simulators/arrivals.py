"""The log of requests, refused ones included, and the most messages of each sender within one second."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

KEPT = 200_000  # requests; older ones are dropped
SECRET = {b"authorization", b"cookie"}


@dataclass(slots=True)
class Arrival:
    """One request. `status` is 0 until it is answered, and stays 0 if it never is."""

    order: int
    at: float  # unix seconds, when its last byte was read
    provider: str
    method: str
    path: str
    query: str
    header_pairs: tuple[tuple[bytes, bytes], ...]
    body: bytes
    parsed: Any = None  # the form or JSON in the body
    status: int = 0

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.header_pairs}

    def form(self) -> dict[str, str]:
        """Parse the urlencoded body. The last value of a repeated name counts."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def as_json(self) -> dict[str, object]:
        return {
            "order": self.order,
            "received_at": self.at,
            "provider": self.provider,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": self.body.decode("utf-8", "replace"),
            "status": self.status,
        }


class Log:
    """The last requests, in order of arrival. Credentials are left out."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._arrivals: deque[Arrival] = deque(maxlen=KEPT)
        # Clients repeat their headers, so equal sets of them are stored once.
        self._seen_headers: dict[tuple[tuple[bytes, bytes], ...], tuple[tuple[bytes, bytes], ...]] = {}
        self.requests: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self._senders: dict[tuple[str, str], Window] = {}

    def note(self, provider: str, request: Request, body: bytes, at: float) -> Arrival:
        pairs = tuple((name, value) for name, value in request.headers.raw if name not in SECRET)
        if len(self._seen_headers) > 10_000:
            self._seen_headers.clear()
        scope = request.scope
        arrival = Arrival(
            order=next(self._numbers),
            at=at,
            provider=provider,
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            header_pairs=self._seen_headers.setdefault(pairs, pairs),
            body=body,
        )
        self._arrivals.append(arrival)
        self.requests[provider] = self.requests.get(provider, 0) + 1
        return arrival

    def close(self, arrival: Arrival, status: int) -> None:
        arrival.status = status
        if not 200 <= status < 300:
            self.refused[arrival.provider] = self.refused.get(arrival.provider, 0) + 1

    def weigh(self, provider: str, sender: str, at: float, units: int) -> None:
        """Count a message in its sender's window even if it is refused: law 6 limits what a provider sees."""
        self._senders.setdefault((provider, sender), Window()).add(at, units)

    def since(self, at: float, provider: str) -> Iterator[Arrival]:
        return (one for one in self._arrivals if one.at > at and provider in ("", one.provider))

    def senders(self, provider: str) -> "dict[str, Window]":
        return {sender: window for (owner, sender), window in self._senders.items() if owner == provider}


class Window:
    """The most messages and units (segments, recipients, posts) that came within one second so far."""

    __slots__ = ("_inside", "_units", "most", "most_units", "total", "total_units")

    def __init__(self) -> None:
        self._inside: deque[tuple[float, int]] = deque()
        self._units = self.most = self.most_units = self.total = self.total_units = 0

    def add(self, at: float, units: int) -> None:
        self._inside.append((at, units))
        self._units += units
        while at - self._inside[0][0] >= 1.0:
            self._units -= self._inside.popleft()[1]
        self.total += 1
        self.total_units += units
        self.most = max(self.most, len(self._inside))
        self.most_units = max(self.most_units, self._units)

    def as_json(self) -> dict[str, int]:
        return {
            "messages": self.total,
            "units": self.total_units,
            "max_in_1s": self.most,
            "max_units_in_1s": self.most_units,
        }
