"""Limit the rate of requests by address and by key, counted in Redis for all web servers together.

Webhooks are not limited: a correctly signed one is never refused for the number of requests (`hooks/refusals.py`).
"""

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address

import redis
import structlog
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.cookies import cookie_name
from api.errors import answer, too_often
from notify.core import alarms, db
from notify.core.errors import Unavailable
from notify.core.settings import settings

log = structlog.get_logger()

FOR_ALL = "tocsin.for_all"  # in the scope of a request that nobody has made: a public page is rendered for everybody
WINDOW_S = 60
PATIENCE_S = 0.25  # how long to wait for Redis; after that, nothing is counted for REST_S
REST_S = 5.0

# Requests per minute. Many residents share an address at their carrier, and all look at once in an emergency.
PASSKEY = {"/console/passkey", "/console/passkey/options"}
SIGN_IN, PAGE, KEY, COUNT, STRANGER, API_ADDRESS = 20, 3_000, 1_200, 60, 120, 6_000
COMPOSE = 240  # saves and counts of one browser: one is sent at a time, and none while nothing changes
COMPOSERS = 6_000  # the same of an address: a city hall shares one, and a cookie is easily invented
SUGGEST = 600  # of an address that is being typed: about five for each, and many phones share a network address
LOOKED_UP = 60  # searches for answers, and files of open data, which are made for whoever asks
COLLECTIONS = 60  # calendars of households and reports of wrong dates
SHARED = 10  # factor for an address that is a proxy missing from the settings: all its clients share the address
# Requests that reveal how many people live where. Each kind has its own limit, so that an operator who has drawn areas
# for a minute can still write the alert and preview it.
COUNTS = {
    "count": re.compile(r"\w+ /api/v1/(audience|residents)"),
    "preview": re.compile(r"GET /api/v1/alerts/[^/]*/(audience|plan)"),
    "draft": re.compile(r"POST /api/v1/alerts/?$"),  # its area is counted on every page that shows it
}
PAGES = ("/alerts/", "/verify/", "/feeds/", "/u/", "/join/", "/j/", "/me/", "/collections/", "/answers/")
ALARM_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Bound:
    kind: str
    who: str
    most: int

    def name(self, window: int) -> str:
        """Return the name in Redis. It is hashed, so that Redis holds no keys or addresses."""
        return f"tocsin:rate:{self.kind}:{hashlib.sha256(self.who.encode()).hexdigest()[:32]}:{window}"


class RateLimit:
    """Answers 429 with Retry-After to too many requests. Without Redis there is no limit."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._clients: dict[str, redis.Redis] = {}
        self._rests_until_s = 0.0
        self._alarmed_s = -ALARM_EVERY_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bounds = _bounds(scope) if scope["type"] == "http" and not scope.get(FOR_ALL) else ()
        beyond = await run_in_threadpool(self._is_beyond, bounds) if bounds else False
        if beyond:
            wait_s = WINDOW_S - int(time.time()) % WINDOW_S
            await answer(Request(scope), too_often(wait_s))(scope, receive, send)
            return
        if bounds and _through_unnamed_proxy(scope) and time.monotonic() - self._alarmed_s >= ALARM_EVERY_S:
            self._alarmed_s = time.monotonic()
            await run_in_threadpool(_tell_of_proxy, scope["client"][0])
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
        except (RedisError, OSError, ValueError) as error:  # ValueError: the URL is invalid
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
    times = SHARED if _through_unnamed_proxy(scope) else 1
    if path.startswith("/api/"):
        key = Headers(scope=scope).get("authorization", "").partition(" ")[2].strip()  # as it is read: spaces are free
        asks = [Bound("key", key, KEY) if key else Bound("stranger", address, STRANGER * times)]
        counts = next((kind for kind, asked in COUNTS.items() if asked.match(f"{scope['method']} {path}")), "")
        if counts:
            asks.append(Bound(counts, key, COUNT))
        return (*asks, Bound("api", address, API_ADDRESS * times))
    if scope["method"] == "POST" and path in {"/console/sign-in", "/console/enter", "/console/join"} | PASSKEY:
        return (Bound("sign-in", address, SIGN_IN * times),)
    if path.startswith("/console/compose/"):
        session = Request(scope).cookies.get(cookie_name(), "")
        own = (Bound("compose", session, COMPOSE),) if session else ()
        return (*own, Bound("composers", address, COMPOSERS * times))
    if scope["method"] == "POST" and path.startswith("/collections/"):  # each stores a row
        return (Bound("collections", address, COLLECTIONS * times),)
    if (scope["method"] == "POST" and path == "/answers") or path.startswith("/data/"):
        return (Bound("looked-up", address, LOOKED_UP * times),)
    if path == "/join/suggest":
        return (Bound("suggest", address, SUGGEST * times),)
    if path == "/" or f"{path}/".startswith(PAGES):
        return (Bound("page", address, PAGE * times),)
    return ()


def client_address(scope: Scope) -> str:
    """Return the address to count: that of the connection, or the client's as named by a trusted proxy.

    uvicorn uses `X-Forwarded-For` only from TOCSIN_TRUSTED_PROXIES. An IPv6 address counts as its /64 network, because
    its owner has all addresses in it.
    """
    host = str(scope["client"][0]) if scope.get("client") else ""
    address = _parsed(host)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return host if address is None else str(address)


def _through_unnamed_proxy(scope: Scope) -> bool:
    """Return whether the request comes through a proxy in the city's network that is not in TOCSIN_TRUSTED_PROXIES.

    A public address with the header is not a proxy of the city: anybody can send it. uvicorn gives clients of trusted
    proxies port 0.
    """
    if not scope.get("client") or scope["client"][1] == 0 or "x-forwarded-for" not in Headers(scope=scope):
        return False
    address = _parsed(str(scope["client"][0]))
    return address is not None and address.is_private


def _parsed(host: str) -> IPv4Address | IPv6Address | None:
    """Parse an address; one mapped to IPv6 becomes IPv4 again."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _tell_of_proxy(host: str) -> None:
    why = (
        f"Requests come through {host}, which is not in TOCSIN_TRUSTED_PROXIES, so all clients behind it share one"
        f" rate limit. If it is your reverse proxy, add it there and restart the API."
    )
    try:
        with db.transaction() as s:
            alarms.sound(s, alarms.PROXY_NOT_TRUSTED, why, datetime.now(UTC), about=host)
    except (*db.AWAY, SQLAlchemyError, Unavailable) as error:
        log.error("alarm.not_kept", kind=alarms.PROXY_NOT_TRUSTED, why=why, error=db.reason(error))
