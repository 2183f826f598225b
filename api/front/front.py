"""Answer for the pages that are kept, and render those that are not there or have changed."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.front import addresses, version
from api.front.addresses import Address, Asked
from api.front.kept_page import OWN, Answer, KeptPage
from api.front.version import Version
from api.metrics import Metrics
from notify.core import alarms, db
from notify.core.errors import Unavailable
from notify.core.settings import Settings, settings

log = structlog.get_logger()

MOST_PAGES, MOST_BYTES = 1_000, 48 * 2**20
MOST_ASKED = 5_000  # requests whose meaning is remembered
AGE_S = 30.0  # after that a page is rendered again even if nothing has changed: it says when it was
RENDER_S = 5.0  # how long somebody waits for a page that is being rendered, if an older one is there
AGAIN_S = 0.5  # after a rendering failed, before it is tried again
WARM_S = 20.0
ALARM_EVERY_S = 60.0

Captured = tuple[Message, Message]  # an answer that is no page, such as an error


class Front:
    """An ASGI application in front of `app`, for the addresses of `addresses`."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._note: Callable[[float], None] = metrics.of_many("GET", "(kept)", 200)
        self._version = Version()
        self._asked: dict[tuple[bytes, ...], Asked | None] = {}
        self._pages: OrderedDict[Address, KeptPage] = OrderedDict()
        self._bytes = 0
        self._rendering: dict[Address, asyncio.Task[Captured]] = {}
        self._settings: Settings | None = None
        self._alarmed_s = -math.inf
        self._telling: asyncio.Task[None] | None = None

    def serves(self, scope: Scope) -> Asked | None:
        """Return what a request asks for, if its page is kept."""
        if scope["method"] not in {"GET", "HEAD"}:
            return None
        language = encoding = b""
        for name, value in scope["headers"]:
            if name == b"accept-language":
                language = value
            elif name == b"accept-encoding":
                encoding = value
        key = scope["path"].encode(), scope["query_string"], language, encoding
        try:
            return self._asked[key]
        except KeyError:
            pass
        asked = addresses.read(scope)
        if asked is not None and sum(map(len, key)) < 1_000:
            if len(self._asked) >= MOST_ASKED:
                self._asked.clear()
            self._asked[key] = asked
        return asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send, asked: Asked) -> None:
        began_s = time.perf_counter()
        page = await self._page(asked.address, scope)
        if page is None:
            await self._app(scope, receive, send)
            return
        if not isinstance(page, KeptPage):
            for message in page:
                await send(message)
            return
        known = _known(scope)
        now_s = asyncio.get_running_loop().time()
        stale = self._version.is_stale(now_s) or now_s - page.outdated_s > version.STALE_S
        answer = page.answer(gzipped=asked.gzip, by_header=asked.by_header, stale=stale, known=known)
        await send(answer.start)
        await send(answer.body)
        self._note(time.perf_counter() - began_s)

    def at_once(self, scope: Scope) -> Answer | None:
        """Return the answer if a page is kept that is new enough; None: the request goes the usual way."""
        began_s = time.perf_counter()
        if scope["method"] != "GET" or self._settings is not settings() or (asked := self.serves(scope)) is None:
            return None
        page, now_s = self._pages.get(asked.address), asyncio.get_running_loop().time()
        if page is None or not self._is_new(page, now_s) or self._version.is_due(now_s) or page.outdated_s < math.inf:
            return None
        self._pages.move_to_end(asked.address)
        answer = page.answer(gzipped=asked.gzip, by_header=asked.by_header, stale=False, known=_known(scope))
        self._note(time.perf_counter() - began_s)
        return answer

    async def warm(self) -> None:
        """Render what is asked for first, before anybody asks. What cannot be rendered yet is left for later."""
        asked: Scope = {"type": "http", "http_version": "1.1", "scheme": "http", "headers": [], "client": None}
        try:
            async with asyncio.timeout(WARM_S):
                for address in addresses.first_ones():
                    await self._page(address, asked)
        except TimeoutError:
            log.warning("front.not_warm")

    async def _page(self, address: Address, scope: Scope) -> KeptPage | Captured | None:
        """Return the page, new enough, or what the application answered instead; None: it is to be asked again."""
        if self._settings is not settings():
            self._forget()
        now_s = asyncio.get_running_loop().time()
        if self._version.is_due(now_s):
            await self._version.look(now_s)
            now_s = asyncio.get_running_loop().time()
        page = self._pages.get(address)
        if page is None:
            return await self._first(address, scope) if self._version.value is not None else None
        self._pages.move_to_end(address)
        if self._is_new(page, now_s):
            return page
        if page.version != self._version.value:
            page.outdated_s = min(page.outdated_s, now_s)
        if now_s - page.failed_s < AGAIN_S or self._version.is_stale(now_s):
            return page
        rendering = self._render_once(address, scope, for_all=True)
        if page.version != self._version.value and now_s >= self._version.grace_ends_s:
            await asyncio.wait([rendering], timeout=RENDER_S)
        return self._pages.get(address)

    def _is_new(self, page: KeptPage, now_s: float) -> bool:
        return page.version == self._version.value and now_s - page.made_s < AGE_S

    async def _first(self, address: Address, scope: Scope) -> KeptPage | Captured | None:
        """Have a page rendered that is not there yet, together with all others who ask for it."""
        begins = address not in self._rendering
        rendering = self._render_once(address, scope, for_all=not address.is_counted)
        await asyncio.wait([rendering])
        if (found := self._pages.get(address)) is not None or rendering.exception() is not None:
            return found
        answer = rendering.result()
        if answer[0]["status"] != 429:
            return answer
        return None if begins else await self._first(address, scope)  # who began asks too often, and the others do not

    def _render_once(self, address: Address, scope: Scope, *, for_all: bool) -> "asyncio.Task[Captured]":
        """Return the rendering of a page that is under way, or begin it."""
        if address not in self._rendering:
            asked = address.scope(scope, for_all=for_all)
            self._rendering[address] = rendering = asyncio.create_task(self._render(address, asked))
            rendering.add_done_callback(lambda done: self._rendered(address, done))
        return self._rendering[address]

    async def _render(self, address: Address, scope: Scope) -> Captured:
        """Have the application answer, and keep it if it is a page."""
        seen, began_s = self._version.value, asyncio.get_running_loop().time()
        start: Message = {}
        pieces: list[bytes] = []
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if asked:
                await asyncio.Event().wait()  # nobody goes away: whoever waits for that is cancelled at the end
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def capture(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            else:
                pieces.append(message.get("body", b""))

        await self._app(scope, receive, capture)
        headers = MutableHeaders(raw=list(start["headers"]))
        if start["status"] == 200 and "set-cookie" not in headers:
            for name in OWN:
                del headers[name]
            self._keep(address, KeptPage(seen, began_s, headers.raw, b"".join(pieces), address.language))
        elif start["status"] == 404:  # it was there, and is not any more
            self._drop(address)
        return start, {"type": "http.response.body", "body": b"".join(pieces)}

    def _rendered(self, address: Address, done: "asyncio.Task[Captured]") -> None:
        """Note how a rendering ended. A page that is old because of it is shown on, and an alarm rings."""
        self._rendering.pop(address, None)
        error = None if done.cancelled() else done.exception()
        if error is not None:
            log.error("front.not_rendered", path=address.path, error=type(error).__name__)
        page, now_s = self._pages.get(address), asyncio.get_running_loop().time()
        if page is None or page.made_s >= self._version.changed_s or page.version == self._version.value:
            return
        page.failed_s = now_s
        if now_s - page.outdated_s > version.STALE_S and now_s - self._alarmed_s > ALARM_EVERY_S:
            self._alarmed_s = now_s
            self._telling = asyncio.create_task(run_in_threadpool(_tell_of_old_page, address.path))

    def _keep(self, address: Address, page: KeptPage) -> None:
        self._drop(address)
        self._pages[address] = page
        self._bytes += page.size
        while len(self._pages) > MOST_PAGES or self._bytes > MOST_BYTES:
            _, oldest = self._pages.popitem(last=False)
            self._bytes -= oldest.size

    def _drop(self, address: Address) -> None:
        if (page := self._pages.pop(address, None)) is not None:
            self._bytes -= page.size

    def _forget(self) -> None:
        self._settings = settings()
        self._pages.clear()
        self._asked.clear()
        self._bytes = 0
        self._version = Version()


def _known(scope: Scope) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == b"if-none-match"), None)


def _tell_of_old_page(path: str) -> None:
    why = (
        f"The public page {path} cannot be rendered any more. Residents see it as it was before the last change, with a"
        " sentence that it may be old. The log of the API says why."
    )
    try:
        with db.transaction() as s:
            alarms.sound(s, alarms.PUBLIC_PAGE_OLD, why, datetime.now(UTC), about=path)
    except (*db.AWAY, SQLAlchemyError, Unavailable) as error:
        log.error("alarm.not_kept", kind=alarms.PUBLIC_PAGE_OLD, why=why, error=db.reason(error))
