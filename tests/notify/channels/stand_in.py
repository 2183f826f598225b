"""A provider of our own on loopback that answers as it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from notify.channels.contract import Adapter
from notify.channels.http.client import Endpoint
from notify.channels.http.connections import Connections

A = TypeVar("A", bound=Adapter)
R = TypeVar("R")
WARM = "/_warm"
# A busy machine may take seconds for anything. Whoever gets no answer at all has a connection by then (`StandIn.ask`).
PATIENT_S, HANGING_S = 60.0, 1.0


@dataclass(frozen=True)
class Reply:
    """What our provider does with a request."""

    status: int = 200
    body: object = b""  # bytes as they are, anything else as JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    way: str = "answer"  # or "hang", "drop" the connection unanswered, "cut" the body short


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    url: str  # path and query as sent
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True))

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.url.partition("?")[2], strict_parsing=True))


class StandIn:
    """Answers requests one after the other with the given replies; the last one stays."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._replies: list[Reply] = []

    def ask(
        self,
        make: Callable[[str, Connections, float], A],
        call: Callable[[A], Awaitable[R]],
        *replies: Reply,
    ) -> R:
        """Make the adapter for the server's address, with a timeout, and await one call of it.

        Half of an adapter's timeout is for connecting, which no test of answers is about: a connection stands already.
        """
        timeout_s = HANGING_S if any(reply.way == "hang" for reply in replies) else PATIENT_S

        async def visit(url: str) -> R:
            connections = Connections()
            try:
                await connections.ask(Endpoint("GET", f"{url}{WARM}", {}), None, PATIENT_S)
                return await call(make(url, connections, timeout_s))
            finally:
                await connections.close()

        return self.visit(visit, *replies)

    def visit(self, visit: Callable[[str], Awaitable[R]], *replies: Reply) -> R:
        """Run the server for as long as `visit` takes, which is given its address."""
        self._replies = list(replies)
        return asyncio.run(self._serve(visit))

    async def _serve(self, visit: Callable[[str], Awaitable[R]]) -> R:
        runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            return await visit(site.name)
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path == WARM:
            return web.Response()
        body = await request.content.read()  # request.read() stops at 1 MB
        self.seen.append(Seen(request.method, request.raw_path, request.headers.copy(), body))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        assert request.transport
        if reply.way == "hang":
            await asyncio.Event().wait()
        if reply.way == "drop":
            request.transport.close()
        raw = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        if reply.way == "cut":
            short = web.StreamResponse(status=reply.status, headers={"Content-Length": str(len(raw) + 100)})
            await short.prepare(request)
            await short.write(raw)
            request.transport.close()
            return short
        return web.Response(status=reply.status, body=raw, headers=reply.headers)
