"""A Bluesky Personal Data Server with one account: sessions, and records of posts.

https://docs.bsky.app/docs/category/http-reference, and the reference server (bluesky-social/atproto, packages/pds)
"""

import base64
import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl

import regex
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from notify.simulators.arrivals import Arrival
from notify.simulators.behaviour import Fault
from notify.simulators.posts import Post
from notify.simulators.world import World

COLLECTION = "app.bsky.feed.post"
DID = "did:plc:simulatedsimulatedsimula"
GRAPHEMES, BYTES, LANGUAGES = 300, 3000, 3
POINTS, HOUR_S = 3, 3600  # points for creating a record, per hour
KEY = re.compile(r"(?!\.\.?$)[A-Za-z0-9._:~-]{1,512}")
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
NAMES = {
    400: "InvalidRequest",
    401: "AuthenticationRequired",
    429: "RateLimitExceeded",
    500: "InternalServerError",
    502: "UpstreamFailure",
    503: "NotEnoughResources",
}
INACTIVE = {"takendown": "RepoTakendown", "suspended": "RepoSuspended", "deactivated": "RepoDeactivated"}


class Bluesky:
    """A server with one account. Its tokens survive `World.forget`."""

    name = "bluesky"

    def __init__(self, world: World) -> None:
        self._world = world
        self._access: dict[str, float] = {}  # creation time by token
        self._refresh: set[str] = set()

    def challenge(self, request: Request) -> Response | None:
        method = request.url.path.rpartition(".")[2]
        if method in {"createSession", "getRecord"}:
            return None
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not given:
            return _error(401, "AuthMissing", "Authentication Required")
        if method == "refreshSession":
            known = given in self._refresh
        else:
            known = given in self._access
            if known and time.time() - self._access[given] >= self._behaviour.session_lasts_s:
                return _error(400, "ExpiredToken", "Token has expired")
        return None if known else _error(400, "InvalidToken", "Token could not be verified")

    def weigh(self, arrival: Arrival) -> tuple[str, int]:
        arrival.parsed = _read(arrival)
        return self._handle, 1

    def refuse(self, fault: Fault) -> Response:
        headers = {} if fault.retry_after is None else {"RateLimit-Reset": str(int(time.time() + fault.retry_after))}
        return _error(fault.status, headers=headers)

    def create_session(self, arrival: Arrival) -> Response:
        given = _read(arrival)
        arrival.body = json.dumps({"identifier": given.get("identifier")}).encode()  # without the password
        config = self._world.config
        right = hmac.compare_digest(str(given.get("password")).encode(), config.bluesky_app_password.encode())
        if str(given.get("identifier")).lower() not in {self._handle, DID} or not right:
            return _error(401, "AuthenticationRequired", "Invalid identifier or password")
        if self._behaviour.account_status == "takendown":
            return _error(401, "AccountTakedown", "Account has been taken down")
        return self._session()

    def refresh_session(self, _arrival: Arrival) -> Response:
        """Answer with a new session. The old refresh token stays valid, for two hours on the real server
        (account-manager, `rotateRefreshToken`)."""
        return self._session()

    def create_record(self, arrival: Arrival) -> Response:
        limits, exceeded = self._limits(arrival)
        if exceeded:
            return _error(429, headers=limits)
        status = self._behaviour.account_status
        if status != "active":
            return _error(400, INACTIVE[status], f"Account is {status}", limits)
        given = arrival.parsed
        if given.get("repo") not in {DID, self._handle}:
            return _error(401, "AuthenticationRequired", "Authentication Required", limits)
        mistake = _mistake(given)
        if mistake:
            return _error(400, "InvalidRequest", mistake, limits)
        order = self._world.next_order()
        key = given.get("rkey") or f"3{order:012}".translate(str.maketrans("0189", "abcd"))
        if self._found(key):
            # https://github.com/bluesky-social/atproto/issues/3718
            return _error(500, "InternalServerError", "Internal Server Error", limits)
        post = self._publish(arrival, order, key)
        commit = {"cid": _cid(f"commit {order}"), "rev": key}
        answer = {"uri": post.id, "cid": _cid(post.text), "commit": commit, "validationStatus": "valid"}
        return JSONResponse(answer, headers=limits)

    def get_record(self, arrival: Arrival) -> Response:
        asked = dict(parse_qsl(arrival.query))
        post = self._found(asked.get("rkey", ""))
        if post is None or asked.get("repo") not in {DID, self._handle} or asked.get("collection") != COLLECTION:
            uri = f"at://{asked.get('repo')}/{asked.get('collection')}/{asked.get('rkey')}"
            return _error(400, "RecordNotFound", f"Could not locate record: {uri}")
        return JSONResponse({"uri": post.id, "cid": _cid(post.text), "value": post.arrival.parsed["record"]})

    def delete_record(self, arrival: Arrival) -> Response:
        """Delete a record. Deleting one that does not exist is not an error."""
        post = self._found(str(_read(arrival).get("rkey")))
        if post is not None:
            self._world.timeline.posts.remove(post)
            self._world.touch()
        return JSONResponse({})

    @property
    def _behaviour(self) -> Any:
        return self._world.behaviour.bluesky

    @property
    def _handle(self) -> str:
        return self._world.config.bluesky_handle

    def _session(self) -> Response:
        access, refresh = token_urlsafe(24), token_urlsafe(24)
        self._access[access] = time.time()
        self._refresh.add(refresh)
        status = self._behaviour.account_status
        state = {"active": True} if status == "active" else {"active": False, "status": status}
        return JSONResponse(
            {"did": DID, "handle": self._handle, "accessJwt": access, "refreshJwt": refresh} | state,
        )

    def _limits(self, arrival: Arrival) -> tuple[dict[str, str], bool]:
        allowed = self._behaviour.points_per_hour
        used = POINTS * self._world.timeline.count_in_hour(arrival.at)
        headers = {
            "RateLimit-Limit": str(allowed),
            "RateLimit-Remaining": str(max(0, allowed - used)),
            "RateLimit-Reset": str((int(arrival.at) // HOUR_S + 1) * HOUR_S),
            "RateLimit-Policy": f"{allowed};w={HOUR_S}",
        }
        return headers, used > allowed

    def _found(self, key: str) -> Post | None:
        uri = f"at://{DID}/{COLLECTION}/{key}"
        return next((post for post in self._world.timeline.posts if post.id == uri), None)

    def _publish(self, arrival: Arrival, order: int, key: str) -> Post:
        record = arrival.parsed["record"]
        post = Post(
            order=order,
            provider=self.name,
            account=self._handle,
            id=f"at://{DID}/{COLLECTION}/{key}",
            text=record["text"],
            html=as_html(record["text"], record.get("facets") or []),
            language=next(iter(record.get("langs") or []), None),
            visibility="public",
            sensitive=False,
            spoiler="",
            arrival=arrival,
        )
        self._world.timeline.keep(post, "")
        return post


def as_html(text: str, facets: list[dict[str, Any]]) -> Markup:
    """Return the text with a link for each facet and no others."""
    raw, parts, end = text.encode(), [], 0
    for facet in sorted(facets, key=lambda facet: int(facet["index"]["byteStart"])):
        start, stop = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        uris = [feature["uri"] for feature in facet["features"] if "uri" in feature]
        if start < end or not uris:
            continue
        link = '<a href="{}" rel="nofollow noopener" target="_blank">{}</a>'
        parts += [escape(raw[end:start].decode()), Markup(link).format(uris[0], raw[start:stop].decode())]  # noqa: S704
        end = stop
    words = Markup("").join([*parts, escape(raw[end:].decode())])
    return Markup("<p>{}</p>").format(words.replace("\n", Markup("<br>")))


def _read(arrival: Arrival) -> dict[str, Any]:
    try:
        given = json.loads(arrival.body)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _mistake(given: dict[str, Any]) -> str:
    """Return why the server refuses a request to create a post, or ""."""
    record, rkey = given.get("record"), given.get("rkey")
    if given.get("collection") != COLLECTION or not isinstance(record, dict) or record.get("$type") != COLLECTION:
        return f"This server keeps records of {COLLECTION} only"
    if rkey is not None and not (isinstance(rkey, str) and KEY.fullmatch(rkey)):
        return "Invalid record key"
    text, langs = record.get("text"), record.get("langs", [])
    if not isinstance(text, str):
        return f'Invalid {COLLECTION} record: Record must have the property "text"'
    if len(text.encode()) > BYTES:
        return f"Invalid {COLLECTION} record: Record/text must not be longer than {BYTES} characters"
    if len(regex.findall(r"\X", text)) > GRAPHEMES:
        return f"Invalid {COLLECTION} record: Record/text must not be longer than {GRAPHEMES} graphemes"
    if not DATETIME.fullmatch(str(record.get("createdAt"))):
        return f"Invalid {COLLECTION} record: Record/createdAt must be an valid atproto datetime"
    if not isinstance(langs, list) or len(langs) > LANGUAGES:
        return f"Invalid {COLLECTION} record: Record/langs must not have more than {LANGUAGES} elements"
    return _wrong_facet(text, record.get("facets", []))


def _wrong_facet(text: str, facets: Any) -> str:
    try:
        for facet in facets:
            start, stop = facet["index"]["byteStart"], facet["index"]["byteEnd"]
            text.encode()[start:stop].decode()
            if not 0 <= start < stop <= len(text.encode()) or not facet["features"]:
                raise ValueError
    except (KeyError, TypeError, ValueError):
        return f"Invalid {COLLECTION} record: Record/facets"
    return ""


def _cid(what: str) -> str:
    digest = b"\x01\x71\x12\x20" + hashlib.sha256(what.encode()).digest()
    return "b" + base64.b32encode(digest).decode().lower().rstrip("=")


def _error(status: int, name: str = "", message: str = "", headers: dict[str, str] | None = None) -> Response:
    name = name or NAMES.get(status, "InvalidRequest" if status < 500 else "InternalServerError")
    words = {"error": name, "message": message or re.sub(r"(?<!^)([A-Z])", r" \1", name)}
    date = {"Date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")}
    return JSONResponse(words, status, date | (headers or {}))
