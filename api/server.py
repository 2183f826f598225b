"""The HTTP server: uvicorn, with limits on the time that a request takes to arrive and on half-open requests, more than
one new connection at a time, and a short way for pages that are kept in memory."""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from notify.core.settings import settings

if TYPE_CHECKING:  # it is imported with the application, when no garbage is collected
    from api.front.kept_page import Answer

REQUEST_S = 20.0  # for a request to arrive, plus the time of its body at SLOWEST_BYTES_PER_S
SLOWEST_BYTES_PER_S = 5_000
MOST_HALF_OPEN = 2_000
ACCEPTED_AT_ONCE = 16
FAILED = 3  # the exit status of uvicorn when it cannot start


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose request does not arrive; uvicorn itself would wait for ever.

    If too many connections have an incomplete request or none yet, the oldest is closed. A request that arrives in one
    piece, as every webhook does, costs only two assignments.
    """

    half_open: ClassVar["dict[PatientProtocol, None]"] = {}  # in this process, oldest first

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        door = self.app.app if isinstance(self.app, ProxyHeadersMiddleware) else self.app
        self._at_once: Callable[[Any], Answer | None] | None = getattr(door, "at_once", None)
        self._reading = False
        self._check: asyncio.TimerHandle | None = None
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._reading:
            self._received += len(data)
            if self._check is None:
                self._expect()
        elif self._check is not None:
            self._rest()

    def on_message_begin(self) -> None:
        self._reading, self._received = True, 0
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._reading = False
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer a request without a task, if the application has the answer at once, which takes a third less time.

        Not while others that came together wait behind it: each answer begins the next.
        """
        usual = self._at_once is None or bool(self.pipeline) or not cycle.keep_alive
        usual = usual or cycle.waiting_for_100_continue or self.flow.write_paused
        answer = None if usual or self._at_once is None else self._at_once(cycle.scope)
        if answer is None:
            super()._start_asgi_task(cycle, app)
            return
        ours = [b"%s: %s\r\n" % one for one in self.server_state.default_headers]
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join((answer.status_line, *ours, answer.rest)))
        cycle.on_response()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._received, self._began_s = 0, self.loop.time()
        self._check = self.loop.call_later(REQUEST_S, self._look)
        self.half_open[self] = None
        if len(self.half_open) > MOST_HALF_OPEN:
            next(iter(self.half_open))._give_up()

    def _look(self) -> None:
        left_s = self._began_s + REQUEST_S + self._received / SLOWEST_BYTES_PER_S - self.loop.time()
        if self.flow.read_paused:  # we are slow, not the client
            left_s = REQUEST_S
        if left_s > 0:
            self._check = self.loop.call_later(left_s, self._look)
        else:
            self._give_up()

    def _give_up(self) -> None:
        self._rest()
        self.transport.close()

    def _rest(self) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None
        self.half_open.pop(self, None)


class PromptServer(uvicorn.Server):
    """Accepts many new connections in each turn of the event loop.

    libuv accepts one a turn and listening socket (https://github.com/libuv/libuv/pull/3696), and in a turn it answers
    all who are connected. So when everybody looks at once, the 200th waited until others had been answered 20,000
    times, 1 to 2 s. More sockets that are the same one let in more a turn.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop, config = asyncio.get_running_loop(), self.config
        kind: Any = config.http_protocol_class
        protocol = partial(kind, config=config, server_state=self.server_state, app_state=self.lifespan.state)
        for listening in [one for server in self.servers for one in server.sockets]:
            for _ in range(ACCEPTED_AT_ONCE - 1):
                same = socket.socket(fileno=socket.dup(listening.fileno()))
                self.servers.append(await loop.create_server(protocol, sock=same, backlog=config.backlog))


def serve(host: str, port: int, **more: Any) -> None:
    """Serve the application in this process until it is told to stop."""
    gc.disable()  # `api.app.warm` enables it: importing the application is the larger part of the start
    config = uvicorn.Config(
        "api.app:create_process",
        factory=True,
        host=host,
        port=port,
        http=PatientProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings().trusted_proxies,
        timeout_graceful_shutdown=2,  # an open page with live numbers must not delay Ctrl-C
        **more,
    )
    config.load_app()
    server = PromptServer(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(FAILED)
