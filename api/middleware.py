"""Middleware for every request: an id, a log line, metrics, security headers and a limit on the body."""

import time
import uuid

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import NeedsSignIn, bearer, by_cookie, by_key
from api.errors import answer
from api.metrics import Metrics
from notify.core.settings import settings

log = structlog.get_logger()

# Frequent requests, which are logged only when something is wrong.
QUIET = ("/hooks/", "/healthz", "/readyz", "/metrics", "/static", "/tiles/")

BODY_BYTES = 64 * 1024  # enough for our forms, and the limit for a caller without a key
API_BYTES = 2**20
LARGER_BYTES = {
    "/api/v1/zones/import": 200 * 2**20,
    "/api/v1/alerts": 16 * 2**20,  # areas of 100,000 corners and more
    "/api/v1/audience": 16 * 2**20,
    "/console/zones/import": 200 * 2**20,
}

DRAFTS = "/console/compose/"  # drawn areas; read only from somebody who is signed in, or to be given back

READ_AS_FAR_AS_IT_GOES = "/u/"  # bodies of mail programs; only the token in the path matters

HSTS = f"max-age={365 * 24 * 3_600}"  # RFC 6797; without subdomains, which belong to the city
HEADERS = {
    # Everything from our own server and nothing inline, so that an injected script would not run.
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": browsers would then send `Origin: null` with our own forms, and `auth.py` checks the origin.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds `HEADERS`, and forbids caching of everything but files."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if settings().public_url.startswith("https://"):
                    headers.setdefault("Strict-Transport-Security", HSTS)
                is_file = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if is_file else "no-store")
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Answers 413 to a body larger than its route can use. A large one is read only from a caller with a key or a
    session."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        api = scope["path"].startswith("/api/")
        large = api or scope["path"].startswith(DRAFTS)
        most = LARGER_BYTES.get(scope["path"], API_BYTES if large else BODY_BYTES)
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdecimal() and int(stated) > most and not scope["path"].startswith(READ_AS_FAR_AS_IT_GOES):
            await answer(Request(scope), HTTPException(413))(scope, receive, send)
            return
        short = stated.isdecimal() and int(stated) <= BODY_BYTES
        if most > BODY_BYTES and not short and scope["method"] not in {"GET", "HEAD"}:
            # The framework reads and parses a body, and writes files to disk, before a route checks who calls.
            try:
                await _require_caller(Request(scope))
            except NeedsSignIn:
                await RedirectResponse("/console/sign-in", 303)(scope, receive, send)
                return
            except Exception as error:
                await answer(Request(scope), error)(scope, receive, send)
                return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:  # a chunked body does not declare its size
                raise HTTPException(413)
            return message

        await self.app(scope, bounded, send)


async def _require_caller(request: Request) -> None:
    """Raise what a route raises for a caller without a key, or at the console without a session."""
    if request.url.path.startswith("/console/"):
        await run_in_threadpool(by_cookie, request)
    else:
        await run_in_threadpool(by_key, request, await bearer(request))


class HeadAsGet:
    """Answers HEAD as GET (RFC 9110 section 9.3.2); the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}
        try:
            await self.app(asked, receive, send)
        finally:
            scope.update({name: asked[name] for name in ("route",) if name in asked})  # for the log


class RequestLog:
    """Logs one line per request, with the route's template because paths and queries may contain a token (law 9).

    An unforeseen error is logged here once and answered with 500.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, started_s, status = uuid.uuid4().hex[:16], time.perf_counter(), 0

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).append("X-Request-Id", request_id)
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request_id)
        try:
            await self.app(scope, receive, with_id)
        except Exception as error:
            log.exception("request.failed", route=_route(scope), method=scope["method"])
            if status == 0:
                await answer(Request(scope), error)(scope, receive, with_id)
        finally:
            self._note(scope, status, time.perf_counter() - started_s)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = _route(scope), scope["method"]
        self.metrics.request(method, route, status, seconds)
        if status < 400 and route.startswith(QUIET):
            return
        log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _route(scope: Scope) -> str:
    """Return a template such as `/alerts/{alert_id}`. A route's own path includes the prefix of its router."""
    if "route" in scope:
        return str(scope["route"].path)
    return "/static" if scope["path"].startswith("/static/") else "(none)"
