"""Status callbacks come by the thousand for one alert: a way past the framework, for those that are as they should be.

Four fifths of such a request went into finding its route, its dependencies and its middleware. Whatever is not plainly
right (a signature, a length, a database that is away) goes the long way, by the route in `twilio.py`: it is answered,
counted and told of there, as if this way did not exist.
"""

import time
from urllib.parse import unquote_plus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.hooks.collector import Collector
from api.hooks.incoming import MOST_FIELDS
from api.metrics import Metrics
from notify.channels import registry
from notify.channels.contract import Adapter, HookRequest, Receipt
from notify.errors import TocsinError
from notify.settings import Settings, settings

log = structlog.get_logger()

PREFIX, ROUTE = "/hooks/twilio/status/", "/hooks/twilio/status/{delivery_id}"
NEEDED = {b"x-twilio-signature"}
MOST_BYTES = 16 * 1024  # a callback has less than 1 KiB
DONE: list[Message] = [
    {"type": "http.response.start", "status": 204, "headers": [(b"cache-control", b"no-store")]},
    {"type": "http.response.body", "body": b""},
]


class ShortWay:
    """In front of the application; everything else passes it by."""

    def __init__(self, app: ASGIApp, collector: Collector, metrics: Metrics) -> None:
        self._app = app
        self._collector = collector
        self._note = metrics.of_many("POST", ROUTE, 204)
        self._reader: tuple[Settings, Adapter] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_callback(scope):
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        heard: list[Message] = []
        if await self._kept(scope, receive, heard):
            for message in DONE:
                await send(message)
            self._note(time.perf_counter() - began_s)
        else:
            await self._app(scope, _again(heard, receive), send)

    async def _kept(self, scope: Scope, receive: Receive, heard: list[Message]) -> bool:
        """Whether its receipt is committed. Otherwise `heard` is what was taken of the body."""
        size, more = 0, True
        while more:
            message = await receive()
            heard.append(message)
            size += len(message.get("body", b""))
            if size > MOST_BYTES or message["type"] != "http.request":
                return False
            more = message.get("more_body", False)
        try:
            body = heard[0]["body"] if len(heard) == 1 else b"".join(message["body"] for message in heard)
            found = self._read(scope, body)
            if found:
                await self._collector.keep(found)
        except (TocsinError, ValueError):
            return False  # said properly on the long way
        except Exception as error:
            log.warning("receipts.long_way", error=type(error).__name__)
            return False
        return True

    def _read(self, scope: Scope, body: bytes) -> list[Receipt]:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in NEEDED}
        query = scope["query_string"].decode("ascii")
        url = f"{settings().public_url}{scope['raw_path'].decode('ascii')}{'?' if query else ''}{query}"
        return self._adapter().parse_receipt(HookRequest(url, headers, body, _fields(body)))

    def _adapter(self) -> Adapter:
        """Made once for the settings that are in force."""
        now = settings()
        if self._reader is None or self._reader[0] is not now:
            self._reader = now, registry.build(now, "twilio")
        return self._reader[1]


def _is_callback(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    path: str = scope["path"]
    return path.startswith(PREFIX) and "/" not in path[len(PREFIX) :]


def _fields(body: bytes) -> list[tuple[str, str]]:
    """A form as Twilio encodes it, in a third of the time of `parse_qsl`.

    What that one would read otherwise has another signature then, and goes the long way.
    """
    fields = body.decode("ascii").split("&")
    if len(fields) > MOST_FIELDS:
        raise ValueError("more fields than Twilio sends")
    pairs = (field.partition("=") for field in fields)
    return [(_plain(name), _plain(value)) for name, _, value in pairs]


def _plain(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def _again(heard: list[Message], receive: Receive) -> Receive:
    """What was taken already, then the rest."""
    left = iter(heard)

    async def replayed() -> Message:
        return next(left, None) or await receive()

    return replayed
