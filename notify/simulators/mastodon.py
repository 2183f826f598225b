"""Mastodon's status API: https://docs.joinmastodon.org/methods/statuses/#create"""

import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from notify.simulators.arrivals import Arrival
from notify.simulators.behaviour import Fault
from notify.simulators.posts import Post
from notify.simulators.world import World

LONGEST = 500  # characters
URL = re.compile(r"https?://[^\s<>\"]+")
URL_LENGTH = 23  # every URL counts this much
MENTION = re.compile(r"(?<![\w/])(@\w+)@[\w.-]+\w")  # the server's name does not count
VISIBILITIES = ("public", "unlisted", "private", "direct")
ACCOUNT = {"id": "1", "username": "city", "acct": "city", "display_name": "City alerts (simulated)"}
WORDS = {
    401: "The access token is invalid",
    403: "This action is not allowed",
    404: "Record not found",
    429: "Too many requests",
    503: "Remote data could not be fetched",
}


class Mastodon:
    """A server with one account."""

    name = "mastodon"

    def __init__(self, world: World) -> None:
        self._world = world
        self._authorization = f"Bearer {world.config.mastodon_token}".encode()

    def challenge(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        return None if hmac.compare_digest(given.encode(), self._authorization) else _error(401)

    def weigh(self, arrival: Arrival) -> tuple[str, int]:
        arrival.parsed = _read(arrival)
        return ACCOUNT["acct"], 1

    def refuse(self, fault: Fault) -> Response:
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return _error(fault.status, headers=headers)

    def post(self, arrival: Arrival) -> Response:
        limits, exceeded = self._limits(arrival)
        if exceeded:
            return _error(429, headers=limits)
        given = arrival.parsed
        key = arrival.headers.get("idempotency-key", "")
        post = self._world.timeline.repeated(key) if key else None
        if post is None:
            mistake = _mistake(given)
            if mistake:
                return _error(422, f"Validation failed: {mistake}", limits)
            post = self._publish(arrival, key)
        return JSONResponse(_status(arrival, post), headers=limits)

    def verify_credentials(self, arrival: Arrival) -> Response:
        account = _account(arrival)
        source = {
            "privacy": "public",
            "sensitive": False,
            "language": "en",
            "note": "",
            "fields": [],
            "follow_requests_count": 0,
        }
        return JSONResponse(
            {**account, "statuses_count": len(list(self._world.timeline.of(self.name))), "source": source}
        )

    def _limits(self, arrival: Arrival) -> tuple[dict[str, str], bool]:
        allowed = self._world.behaviour.mastodon.posts_per_window
        used, ends = self._world.timeline.count(arrival.at)
        headers = {
            "X-RateLimit-Limit": str(allowed),
            "X-RateLimit-Remaining": str(max(0, allowed - used)),
            "X-RateLimit-Reset": _iso(ends),
        }
        return headers, used > allowed

    def _publish(self, arrival: Arrival, key: str) -> Post:
        given = arrival.parsed
        order = self._world.next_order()
        post = Post(
            order=order,
            provider=self.name,
            account=ACCOUNT["acct"],
            # An id as Mastodon makes it: shifted milliseconds and a sequence in the lower bits
            id=str((int(arrival.at * 1000) << 16) + order % 65_536),
            text=given["status"].strip(),
            html=as_html(given["status"].strip()),
            language=given.get("language") or "en",
            visibility=given.get("visibility") or "public",
            sensitive=str(given.get("sensitive", "")).lower() == "true",
            spoiler=str(given.get("spoiler_text") or ""),
            arrival=arrival,
        )
        self._world.timeline.keep(post, key)
        return post


def counted_length(text: str) -> int:
    """Count characters as Mastodon does."""
    return len(MENTION.sub(r"\1", URL.sub("x" * URL_LENGTH, text)))


def _read(arrival: Arrival) -> dict[str, Any]:
    if not arrival.headers.get("content-type", "").startswith("application/json"):
        return dict(arrival.form())
    try:
        given = json.loads(arrival.body)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _mistake(given: dict[str, Any]) -> str:
    text = given.get("status")
    if not isinstance(text, str) or not text.strip():
        return "Text can't be blank"
    if counted_length(text.strip()) + len(str(given.get("spoiler_text") or "")) > LONGEST:
        return f"Text character limit of {LONGEST} exceeded"
    if (given.get("visibility") or "public") not in VISIBILITIES:
        return "Visibility is not included in the list"
    if not re.fullmatch(r"[A-Za-z]{2,3}(?:-\w+)?", str(given.get("language") or "en")):
        return "Language is not included in the list"
    return ""


def _status(arrival: Arrival, post: Post) -> dict[str, Any]:
    address = f"{_home(arrival)}/@{ACCOUNT['acct']}/{post.id}"
    return {
        "id": post.id,
        "created_at": _iso(post.created),
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "sensitive": post.sensitive,
        "spoiler_text": post.spoiler,
        "visibility": post.visibility,
        "language": post.language,
        "uri": f"{_home(arrival)}/users/{ACCOUNT['username']}/statuses/{post.id}",
        "url": address,
        "replies_count": 0,
        "reblogs_count": 0,
        "favourites_count": 0,
        "edited_at": None,
        "content": str(as_html(post.text)),
        "reblog": None,
        "application": {"name": "Tocsin", "website": None},
        "account": _account(arrival),
        "media_attachments": [],
        "mentions": [],
        "tags": [],
        "emojis": [],
        "card": None,
        "poll": None,
    }


def as_html(text: str) -> Markup:
    """Format paragraphs, line breaks and links as Mastodon does."""
    linked = URL.sub(
        lambda url: f'<a href="{url[0]}" rel="nofollow noopener" target="_blank">{url[0]}</a>', escape(text)
    )
    paragraphs = re.split(r"\n{2,}", str(linked).replace("\r\n", "\n"))
    # Every part was escaped above.
    return Markup("".join(f"<p>{words.replace(chr(10), '<br />')}</p>" for words in paragraphs))  # noqa: S704


def _account(arrival: Arrival) -> dict[str, Any]:
    home = _home(arrival)
    return {
        **ACCOUNT,
        "locked": False,
        "bot": True,
        "discoverable": True,
        "group": False,
        "created_at": "2026-01-01T00:00:00.000Z",
        "note": "",
        "url": f"{home}/@{ACCOUNT['acct']}",
        "uri": f"{home}/users/{ACCOUNT['username']}",
        "avatar": "",
        "avatar_static": "",
        "header": "",
        "header_static": "",
        "followers_count": 0,
        "following_count": 0,
        "statuses_count": 0,
        "last_status_at": None,
        "emojis": [],
        "fields": [],
    }


def _home(arrival: Arrival) -> str:
    return f"http://{arrival.headers.get('host', 'localhost')}"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(status: int, words: str = "", headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": words or WORDS.get(status, "An unexpected error occurred")}, status, headers)
