"""Which addresses are kept in memory, and by what: their path and the reader's language."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from api.language import of_resident, spoken_to_residents
from api.rates import FOR_ALL

# Numbers of at most 18 digits: a longer one is no alert, and must not take room.
_KEPT = re.compile(
    r"/(alerts(/past|/[1-9][0-9]{0,17})?)?"
    r"|/feeds/[a-z]{1,20}\.(atom|rss|json|geojson)"
    r"|/collections(/zones/[1-9][0-9]{0,17}(\.ics)?)?"
    r"|/parking"
    r"|/answers"
    r"|/verify(/[1-9][0-9]{0,17}(\.json)?)?"
    r"|/\.well-known/tocsin-keys\.json"
    r"|/static/(tocsin\.css|collections\.css|bell\.svg)"  # every page asks for them
)
_NUMBERED = re.compile(r"/(alerts|verify|collections/zones)/[0-9]")
_IN_NO_LANGUAGE = re.compile(r"/verify/.*\.json|/\.well-known/.*|/static/.*")
# What shows another part of the page; without it the first page is meant. Others (`utm_source`) change nothing.
PARTS = {"/alerts/past": {"month", "topic", "page"}, "/verify": {"code"}}
MOST_BYTES = 2_000  # of a query that is read


@dataclass(frozen=True, slots=True)
class Address:
    """What a page is kept by. `language`: "" if it is the same in all."""

    path: str
    language: str

    @property
    def is_counted(self) -> bool:
        """Whether anybody can make up others of its kind, so that rendering it counts for who asks."""
        return _NUMBERED.match(self.path) is not None

    def scope(self, asked: Scope, *, for_all: bool) -> Scope:
        """Return the request that renders the page: of who asks, only where from. `for_all`: not even that, so that
        nobody's limit keeps a page from everybody."""
        same = ("type", "asgi", "http_version", "scheme", "server", "client")
        kept = (b"host", b"x-forwarded-for")
        return {name: asked[name] for name in same if name in asked} | {
            "method": "GET",
            "path": self.path,
            "raw_path": self.path.encode(),
            "root_path": "",
            "query_string": f"lang={self.language}".encode() if self.language else b"",
            "headers": [(name, value) for name, value in asked["headers"] if name in kept],
            "state": {},
            FOR_ALL: for_all,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a kept page. `by_header`: Accept-Language chose the language."""

    address: Address
    gzip: bool
    by_header: bool


def read(scope: Scope) -> Asked | None:
    """Return what a request asks for; None if it is not kept."""
    path = scope["path"]
    if not _KEPT.fullmatch(path) or len(scope["query_string"]) > MOST_BYTES:
        return None
    query = parse_qs(scope["query_string"].decode("latin-1"))
    if query.keys() & PARTS.get(path, set()):
        return None
    gzip = _accepts_gzip(Headers(scope=scope).get("accept-encoding", ""))
    if _IN_NO_LANGUAGE.fullmatch(path):
        return Asked(Address(path, ""), gzip, by_header=False)
    language = of_resident(Request(scope))
    return Asked(Address(path, language), gzip, by_header=query.get("lang") != [language])


def first_ones() -> list[Address]:
    """Return the addresses that are rendered before anybody asks."""
    return [Address(path, language) for path in ("/", "/alerts") for language in spoken_to_residents()]


def _accepts_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding has gzip, and not with a weight of 0 (RFC 9110 section 12.5.3)."""
    for item in accepted.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
