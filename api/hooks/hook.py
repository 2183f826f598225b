"""Handle a webhook: limit its size, check its signature, and answer when its facts are stored."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from api.errors import answer, tell, too_often
from api.hooks.refusals import Refusals
from api.hooks.watch import Watch
from api.metrics import Metrics
from api.middleware import RequestLog, SecurityHeaders
from notify.channels import registry
from notify.channels.contract import Adapter, HookRequest
from notify.core.errors import BadSignature, Invalid, Unavailable
from notify.core.settings import Settings, settings

SMALL_BYTES = 64 * 1024
LARGE_AT_ONCE = 4  # bodies above SMALL_BYTES read at the same time
LARGE_S = 30.0  # time limit for reading one

Work = Callable[[Adapter, HookRequest], Awaitable[Sequence[Message]]]
KEPT: Sequence[Message] = (
    {"type": "http.response.start", "status": 204, "headers": [(b"cache-control", b"no-store")]},
    {"type": "http.response.body", "body": b""},
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a provider's webhook. A request in another form is refused before its body is read."""

    signed_by: tuple[str, ...]  # the headers of its signature, in lower case
    most_bytes: int


class Hook:
    """An ASGI application for one path. `work` stores the webhook's facts and returns the answer."""

    def __init__(
        self,
        path: str,
        provider: str,
        shape: Shape,
        work: Work,
        metrics: Metrics,
        watch: Watch,
        *,
        status: int = 204,
    ) -> None:
        self.path = path
        self._provider = provider
        self._watch = watch
        self._refusals = Refusals()
        self._shape = shape
        self._heard = {name.encode() for name in (*shape.signed_by, "content-length")}
        self._work = work
        self._metrics = metrics
        self._note = metrics.of_many("POST", path, status)
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._reader: tuple[Settings, Adapter] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_s = time.perf_counter()
        try:
            headers, size = self._announced(scope)
            read = _read if size <= SMALL_BYTES else self._read_large
            body = await read(receive, self._shape.most_bytes)
            messages = await self._work(self._adapter(), HookRequest(_public_url(scope), headers, body))
        except ClientDisconnect:
            return
        except Exception as error:
            if isinstance(error, BadSignature) and error.looks_genuine:
                await self._watch.refused()
            if isinstance(error, Invalid):  # the signature was right; otherwise it is BadSignature
                await self._watch.unreadable([error.message])
            await self._refuse(error, scope, receive, send)
            return
        for message in messages:
            await send(message)
        self._note(time.perf_counter() - began_s)

    def _announced(self, scope: Scope) -> tuple[Mapping[str, str], int]:
        """Return the headers that we read, and the greatest possible size of the body in bytes."""
        if scope["method"] != "POST":
            raise HTTPException(405)
        heard = self._heard
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in heard}
        for name in self._shape.signed_by:
            if not headers.get(name):
                raise BadSignature("This webhook is not signed.")
        stated = headers.get("content-length", "")
        size = int(stated) if stated.isdecimal() and len(stated) < 20 else self._shape.most_bytes
        if size > self._shape.most_bytes:
            raise HTTPException(413)
        return headers, size

    async def _read_large(self, receive: Receive, most_bytes: int) -> bytes:
        """Read a large body. Few are read at a time, and not for long, because their signature is not checked yet."""
        try:
            async with asyncio.timeout(LARGE_S), self._large:
                return await _read(receive, most_bytes)
        except TimeoutError:
            raise HTTPException(408) from None

    def _adapter(self) -> Adapter:
        """Return the adapter, made once for the current settings."""
        now = settings()
        if self._reader is None or self._reader[0] is not now:
            self._reader = now, registry.build(now, self._provider)
        return self._reader[1]

    async def _refuse(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, count and log an error as everywhere else."""

        if isinstance(error, BadSignature) and self._refusals.too_many(str((scope.get("client") or ("",))[0])):
            self._metrics.request(scope["method"], self.path, 429, 0.0)
            await answer(Request(scope), too_often(60))(scope, receive, send)
            return

        async def refusal(scope: Scope, receive: Receive, send: Send) -> None:
            if tell(error).status >= 500 and not isinstance(error, Unavailable):
                raise error
            await answer(Request(scope), error)(scope, receive, send)

        await RequestLog(SecurityHeaders(refusal), self._metrics)(scope, receive, send)


def _public_url(scope: Scope) -> str:
    """Return the URL that the provider called, because it signs that."""
    query = scope["query_string"].decode("latin-1")
    return f"{settings().public_url}{scope['raw_path'].decode('latin-1')}{'?' if query else ''}{query}"


async def _read(receive: Receive, most_bytes: int) -> bytes:
    """Return the body. Raises ClientDisconnect, or HTTPException when it is too large."""
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > most_bytes:
            raise HTTPException(413)
        more = message.get("more_body", False)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
