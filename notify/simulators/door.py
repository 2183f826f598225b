"""The common handling of requests to a provider: log, authenticate, delay, refuse or pass on."""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal, Protocol

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from notify.simulators.arrivals import Arrival
from notify.simulators.behaviour import Fault
from notify.simulators.world import World

Endpoint = Callable[[Request], Awaitable[Response]]


class Gatekeeper(Protocol):
    """The interface of a provider."""

    name: str

    def challenge(self, request: Request) -> Response | None:
        """Return the refusal of a request with wrong credentials, or None."""
        ...

    def weigh(self, arrival: Arrival) -> tuple[str, int]:
        """Parse the body. Return the sender and the units of its rate that the request costs."""
        ...

    def refuse(self, fault: Fault) -> Response:
        """Return the provider's own answer for a fault."""
        ...


def door(
    world: World,
    keeper: Gatekeeper,
    handle: Callable[[Arrival], Response],
    on: Literal["send", "lookup", "session"] = "send",
) -> Endpoint:
    """Make an endpoint that passes admitted requests on to `handle`."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        arrival = world.log.note(keeper.name, request, body, time.time())
        response = keeper.challenge(request)
        if response is None:
            if on == "send":
                sender, units = keeper.weigh(arrival)
                world.log.weigh(keeper.name, sender, arrival.at, units)
            response = await _admit(world, keeper, handle, arrival, on)
        world.log.close(arrival, response.status_code)
        world.touch()
        return response

    return endpoint


async def _admit(
    world: World, keeper: Gatekeeper, handle: Callable[[Arrival], Response], arrival: Arrival, on: str
) -> Response:
    behaviour = world.behaviour.of(keeper.name)
    fault = behaviour.take_fault(on, world.chance)
    delay_s = behaviour.delay_s(world.chance)
    if delay_s:
        await asyncio.sleep(delay_s)
    if fault is None:
        return handle(arrival)
    if fault.reset:
        return Silence(0)
    if fault.hang_s:
        return Silence(fault.hang_s)
    if fault.taken or fault.accept_then_hang_s:
        response = handle(arrival)
        if response.status_code >= 300:
            return response
    if fault.accept_then_hang_s:
        return Silence(fault.accept_then_hang_s)
    return _gateway(fault) if fault.bare else keeper.refuse(fault)


def _gateway(fault: Fault) -> Response:
    """Answer as Envoy does for its 503 UC: the connection behind it broke, perhaps after the request was forwarded."""
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return PlainTextResponse("upstream connect error", fault.status, headers)


class Silence(Response):
    """No answer: the connection is reset after `seconds`, or sooner when the client gives up."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.status_code = 0
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await _disconnected(receive)
        # ASGI cannot reset a connection, so the server's transport is used. uvicorn's `receive` is a method of the
        # object that has it.
        transport: asyncio.Transport | None = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError("Connections cannot be dropped under this server. Use uvicorn.")
        wire = transport.get_extra_info("socket")
        if wire is not None and not transport.is_closing():
            # Lingering for 0 s sends a RST instead of a FIN, as a crashed host does.
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
