"""How often somebody may ask, by address and by key, counted in Redis for all web servers together.

Webhooks are not among them: a signed one is never refused for its number (`hooks/refusals.py`).
"""

import hashlib
import time
from dataclasses import dataclass

import redis
import structlog
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import answer, too_often
from notify.core.settings import settings

log = structlog.get_logger()

WINDOW_S = 60
PATIENCE_S = 0.25  # for Redis; then nobody is counted, and for the next REST_S nobody waits for it
REST_S = 5.0

# Requests a minute. Many residents have one address at their carrier's, and all look at once in an emergency.
SIGN_IN, PAGE, KEY, COUNT, STRANGER, API_ADDRESS = 20, 3_000, 1_200, 60, 120, 6_000


@dataclass(frozen=True, slots=True)
class Bound:
    kind: str
    who: str
    most: int

    def name(self, window: int) -> str:
        """Hashed: neither a key nor anybody's address stands in Redis."""
        return f"tocsin:rate:{self.kind}:{hashlib.sha256(self.who.encode()).hexdigest()[:32]}:{window}"


class RateLimit:
    """Answers 429 with Retry-After to who asks too often. While Redis is away, to nobody."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._clients: dict[str, redis.Redis] = {}
        self._rests_until_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bounds = _bounds(scope) if scope["type"] == "http" else ()
        beyond = await run_in_threadpool(self._is_beyond, bounds) if bounds else False
        if beyond:
            wait_s = WINDOW_S - int(time.time()) % WINDOW_S
            await answer(Request(scope), too_often(wait_s))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_beyond(self, bounds: tuple[Bound, ...]) -> bool:
        url = settings().redis_url
        if not url or time.monotonic() < self._rests_until_s:
            return False
        window = int(time.time()) // WINDOW_S
        try:
            together = self._client(url).pipeline(transaction=False)
            for bound in bounds:
                together.incr(bound.name(window))
                together.expire(bound.name(window), 2 * WINDOW_S)
            counted = together.execute()[::2]
        except (RedisError, OSError, ValueError) as error:  # ValueError: its address is none
            self._rests_until_s = time.monotonic() + REST_S
            log.warning("rates.not_counted", error=type(error).__name__)
            return False
        return any(number > bound.most for number, bound in zip(counted, bounds, strict=True))

    def _client(self, url: str) -> "redis.Redis":
        if url not in self._clients:
            self._clients[url] = redis.Redis.from_url(
                url,
                socket_timeout=PATIENCE_S,
                socket_connect_timeout=PATIENCE_S,
                retry=Retry(NoBackoff(), 0),
            )
        return self._clients[url]


def _bounds(scope: Scope) -> tuple[Bound, ...]:
    path, address = scope["path"], client_address(scope)
    if path.startswith("/api/"):
        key = Headers(scope=scope).get("authorization", "")
        asks = [Bound("key", key, KEY) if key else Bound("stranger", address or "", STRANGER)]
        if path.startswith(("/api/v1/audience", "/api/v1/residents")):
            asks.append(Bound("count", key, COUNT))
        return (*asks, Bound("api", address, API_ADDRESS)) if address else tuple(asks)
    # Behind a proxy that nobody has named all sign-ins look alike: a count for all would let any stranger lock every
    # operator out, and protect nothing, since keys and tickets have 256 bits.
    if address and scope["method"] == "POST" and path in {"/console/sign-in", "/console/enter"}:
        return (Bound("sign-in", address, SIGN_IN),)
    if address and (path == "/" or path.startswith(("/alerts/", "/u/"))):
        return (Bound("page", address, PAGE),)
    return ()


def client_address(scope: Scope) -> str | None:
    """Whose request it is; None behind a proxy that is not in TOCSIN_TRUSTED_PROXIES, where all look alike.

    uvicorn believes `X-Forwarded-For` of those proxies alone, and gives such a client the port 0.
    """
    if scope.get("client") is None:
        return None
    host, port = scope["client"]
    passed_on = port != 0 and "x-forwarded-for" in Headers(scope=scope)
    return None if passed_on else str(host)
