"""Bluesky's adapter from tables."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import jsonschema
import pytest
from lexicons import lexicon, samples
from stand_in import PATIENT_S, Reply, Seen, StandIn

from notify.channels.bluesky.adapter import BlueskyPost
from notify.channels.bluesky.record import post, record_key
from notify.channels.contract import Accepted, Ambiguous, Content, HookRequest, Late, Message, Recipient, SendError
from notify.channels.http.connections import Connections
from notify.core.errors import BadSignature

R = TypeVar("R")
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
TEXT = "Tormenta: quédese en casa 🌩️ (https://alerts.example.org/a/7?q=ñ). www.example.org/x"
CONTENT = Content(alert_id=1, language="es-US", topic="storm", subject="", text=TEXT, html="")
MESSAGE = Message(CONTENT, "city.example.org", [Recipient(7, "")], "https://alerts.example.org/hooks/bluesky")
URI = f"at://{DID}/app.bsky.feed.post/{record_key(MESSAGE)}"


def session(name: str) -> Reply:
    return Reply(200, {"did": DID, "handle": "city.example.org", "accessJwt": name, "refreshJwt": f"{name}-again"})


MADE = Reply(200, {"uri": URI, "cid": "bafyreib"})
EXPIRED = Reply(400, {"error": "ExpiredToken", "message": "Token has expired"})
REFUSED = Reply(401, {"error": "AuthenticationRequired", "message": "Invalid identifier or password"})


def adapter(url: str, client: Connections | None, timeout_s: float = PATIENT_S) -> BlueskyPost:
    return BlueskyPost(
        handle="@city.example.org", app_password="abcd-efgh", base_url=f"{url}/", client=client, timeout_s=timeout_s
    )


def ask(provider: StandIn, call: Callable[[BlueskyPost], Awaitable[R]], *replies: Reply) -> R:
    return provider.ask(adapter, call, *replies)


def send(provider: StandIn, *replies: Reply) -> Accepted:
    return ask(provider, lambda bluesky: bluesky.send(MESSAGE), *replies)


def find(provider: StandIn, *replies: Reply) -> Accepted | None:
    return ask(provider, lambda bluesky: bluesky.find(MESSAGE, time.monotonic()), *replies)


def methods(provider: StandIn) -> list[str]:
    return [seen.url.partition("?")[0].rpartition(".")[2] for seen in provider.seen]


def token(seen: Seen) -> str:
    return seen.headers.get("Authorization", "")


def test_a_post_is_a_record_under_the_key_of_its_delivery(provider: StandIn) -> None:
    assert send(provider, session("one"), MADE) == Accepted(URI)
    login, made = provider.seen
    assert (login.method, login.url) == ("POST", "/xrpc/com.atproto.server.createSession")
    assert json.loads(login.body) == {"identifier": "city.example.org", "password": "abcd-efgh"}
    assert (made.method, made.url) == ("POST", "/xrpc/com.atproto.repo.createRecord")
    assert token(made) == "Bearer one"
    given = json.loads(made.body)
    created = given["record"].pop("createdAt")
    assert given["rkey"] == record_key(MESSAGE)
    assert (given["repo"], given["collection"]) == (DID, "app.bsky.feed.post")
    assert (given["record"]["text"], given["record"]["langs"]) == (TEXT, ["es-US"])
    assert abs((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()) < 60


def test_what_is_sent_keeps_to_the_lexicons(provider: StandIn) -> None:
    """Theirs, from `shared/data/bluesky/lexicons`."""
    send(provider, session("one"), MADE)
    login, made = (json.loads(seen.body) for seen in provider.seen)
    jsonschema.validate(login, lexicon("com.atproto.server.createSession", "input"))
    jsonschema.validate(made, lexicon("com.atproto.repo.createRecord", "input"))
    jsonschema.validate(made["record"], lexicon("app.bsky.feed.post", "record"))
    for facet in made["record"]["facets"]:
        jsonschema.validate(facet, lexicon("app.bsky.richtext.facet", ""))


def test_links_are_marked_by_bytes_of_utf_8() -> None:
    record: Any = post(CONTENT, datetime(2026, 11, 28, 14, 0, 0, 123456, tzinfo=UTC))
    marked = {
        TEXT.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(): facet["features"][0]["uri"]
        for facet in record["facets"]
    }
    assert marked == {
        "https://alerts.example.org/a/7?q=ñ": "https://alerts.example.org/a/7?q=ñ",
        "www.example.org/x": "https://www.example.org/x",
    }
    assert record["createdAt"] == "2026-11-28T14:00:00.123Z"
    assert "facets" not in post(CONTENT._replace(text="Stay in."), datetime.now(UTC))


def test_a_key_is_one_of_the_delivery_alone() -> None:
    others = [
        MESSAGE._replace(recipients=[Recipient(8, "")]),
        MESSAGE._replace(content=CONTENT._replace(alert_id=2)),
        MESSAGE._replace(content=CONTENT._replace(text="Other words, of another installation")),
        MESSAGE._replace(content=CONTENT._replace(language="en")),
    ]
    assert len({record_key(message) for message in [MESSAGE, *others]}) == 5
    asked_later = MESSAGE._replace(sender_address="", callback_url="https://moved.example.org", valid_for_s=3)
    assert record_key(asked_later) == record_key(MESSAGE)


def test_a_key_is_a_timestamp_identifier_of_the_past() -> None:
    """Theirs, from `shared/data/bluesky/syntax`: those that begin so are valid, and the test can tell which are not."""
    valid, invalid = samples("tid_syntax_valid.txt"), samples("tid_syntax_invalid.txt")
    keys = [record_key(MESSAGE._replace(recipients=[Recipient(n, "")])) for n in range(1000)]
    assert all(map(_is_tid, [*valid, *keys]))
    assert not any(map(_is_tid, invalid))
    assert len(set(keys)) == 1000
    micros = [_number(key) >> 10 for key in keys]
    assert datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1e6 <= min(micros)
    assert max(micros) < datetime(2024, 7, 1, tzinfo=UTC).timestamp() * 1e6


DIGITS = "234567abcdefghijklmnopqrstuvwxyz"


def _is_tid(key: str) -> bool:
    return len(key) == 13 and set(key) <= set(DIGITS) and key[0] in "234567abcdefghij"


def _number(key: str) -> int:
    number = 0
    for digit in key:
        number = number * 32 + DIGITS.index(digit)
    return number


def test_one_session_serves_all_posts_at_once_and_later(provider: StandIn) -> None:
    async def many(bluesky: BlueskyPost) -> None:
        await asyncio.gather(*(bluesky.send(MESSAGE) for _ in range(8)))
        await bluesky.send(MESSAGE)

    ask(provider, many, session("one"), MADE)
    assert methods(provider) == ["createSession", *["createRecord"] * 9]


def test_an_expired_session_is_renewed_and_the_post_sent_in_the_new_one(provider: StandIn) -> None:
    async def twice(bluesky: BlueskyPost) -> Accepted:
        await bluesky.send(MESSAGE)
        return await bluesky.send(MESSAGE)

    assert ask(provider, twice, session("one"), MADE, EXPIRED, session("two"), MADE) == Accepted(URI)
    assert methods(provider) == ["createSession", "createRecord", "createRecord", "refreshSession", "createRecord"]
    assert [token(seen) for seen in provider.seen[2:]] == ["Bearer one", "Bearer one-again", "Bearer two"]


def test_where_renewing_is_refused_a_new_session_is_made(provider: StandIn) -> None:
    assert send(provider, session("one"), EXPIRED, EXPIRED, session("two"), MADE) == Accepted(URI)
    assert methods(provider)[2:] == ["refreshSession", "createSession", "createRecord"]


def test_a_post_whose_moment_went_by_leaves_its_session_to_the_next(provider: StandIn) -> None:
    async def late(bluesky: BlueskyPost) -> Accepted:
        with pytest.raises(Late):
            await bluesky.send(MESSAGE, time.monotonic() - 1)
        return await bluesky.send(MESSAGE)

    assert ask(provider, late, session("one"), MADE) == Accepted(URI)
    assert methods(provider) == ["createSession", "createRecord"]


RATE = Reply(
    429,
    {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"},
    {"RateLimit-Reset": "1795428300", "Date": "Mon, 23 Nov 2026 10:00:00 GMT"},
)


@pytest.mark.parametrize(
    ("label", "replies", "retryable", "blame", "wait_s"),
    [
        ("rate, until a point in time", [session("one"), RATE], True, "provider", 300.0),
        ("rate of sessions", [RATE], True, "provider", 300.0),
        ("rate, without a time", [session("one"), Reply(429, b"")], True, "provider", 1.0),
        ("rate, as others say it", [session("one"), Reply(429, b"", {"Retry-After": "7"})], True, "provider", 7.0),
        (
            "too long",
            [session("one"), Reply(400, {"error": "InvalidRequest", "message": "must not be longer than 300"})],
            False,
            "us",
            None,
        ),
        ("password", [REFUSED], False, "us", None),
        ("a code by email", [Reply(401, {"error": "AuthFactorTokenRequired"})], False, "us", None),
        ("taken down", [Reply(401, {"error": "AccountTakedown"})], False, "us", None),
        ("taken down since", [session("one"), Reply(400, {"error": "RepoTakendown"})], False, "us", None),
        ("an error that is new", [session("one"), Reply(400, {"error": "Quux"})], False, "us", None),
        ("no such server", [Reply(404, b"")], False, "us", None),
        ("others write", [session("one"), Reply(400, {"error": "ConcurrentWrites"})], True, "provider", None),
        ("no token is right", [session("one"), EXPIRED, session("two"), EXPIRED], True, "provider", None),
        ("no session: overloaded", [Reply(503, b"")], True, "provider", None),
        ("no session: its answer was lost", [Reply(way="drop")], True, "provider", None),
        ("no session: unreadable", [Reply(200, b"<html>")], True, "provider", None),
        ("no session: no token", [Reply(200, {"did": DID, "accessJwt": "a\nb"})], True, "provider", None),
    ],
)  # fmt: skip
def test_refusals(
    provider: StandIn, label: str, replies: list[Reply], retryable: bool, blame: str, wait_s: float | None
) -> None:
    with pytest.raises(SendError) as caught:
        send(provider, *replies)
    error = caught.value
    assert (error.retryable, error.blame, error.retry_after_s) == (retryable, blame, wait_s), label


@pytest.mark.parametrize(
    "reply",
    [
        Reply(way="hang"),
        Reply(way="drop"),
        Reply(way="cut", body={"uri": URI}),
        Reply(502),
        Reply(503, {"error": "NotEnoughResources"}),
        Reply(500, {"error": "InternalServerError", "message": "Internal Server Error"}),  # or the key is there
        Reply(400, {"error": "RecordAlreadyExists"}),
        Reply(200, b"<html>"),
    ],
)
def test_an_unknown_outcome_is_never_called_a_failure(provider: StandIn, reply: Reply) -> None:
    with pytest.raises(Ambiguous):
        send(provider, session("one"), reply)


def test_a_post_is_asked_for_by_its_key(provider: StandIn) -> None:
    assert find(provider, session("one"), Reply(200, {"uri": URI, "value": {}})) == Accepted(URI)
    asked = provider.seen[-1]
    assert asked.url.startswith("/xrpc/com.atproto.repo.getRecord?")
    query = {"repo": DID, "collection": "app.bsky.feed.post", "rkey": record_key(MESSAGE)}
    assert dict(parse_qsl(asked.url.partition("?")[2])) == query
    assert token(asked) == "Bearer one"


@pytest.mark.parametrize(
    "said",
    [
        {"error": "RecordNotFound", "message": "Could not locate record: at://did:plc:x/app.bsky.feed.post/3"},
        {"error": "InvalidRequest", "message": "Could not locate record: at://did:plc:x/app.bsky.feed.post/3"},
    ],
)
def test_what_the_server_does_not_have_was_never_posted(provider: StandIn, said: dict[str, str]) -> None:
    assert find(provider, session("one"), Reply(400, said)) is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, {"error": "InternalServerError"}),
        Reply(502, b"Bad gateway"),
        Reply(400, {"error": "InvalidRequest", "message": "Could not find repo"}),
        Reply(404, b"Not found"),
        Reply(200, {"value": {}}),
        Reply(way="drop"),
    ],
)
def test_no_answer_to_the_question_leaves_it_unknown(provider: StandIn, reply: Reply) -> None:
    with pytest.raises(SendError):
        find(provider, session("one"), reply)


def test_all_requests_of_a_post_share_its_time(provider: StandIn) -> None:
    """A session that comes too late leaves none for the post, which then was certainly not sent."""

    async def hurried(bluesky: BlueskyPost) -> None:
        await asyncio.gather(*(bluesky.send(MESSAGE) for _ in range(3)), return_exceptions=False)

    began_s = time.monotonic()
    with pytest.raises(SendError):
        provider.ask(adapter, hurried, Reply(way="hang"))
    assert time.monotonic() - began_s < 60
    assert methods(provider).count("createRecord") == 0


def test_no_webhook_is_believed() -> None:
    with pytest.raises(BadSignature):
        adapter("http://127.0.0.1:9", None).parse_receipt(HookRequest("https://alerts.example.org", {}, b"[]"))
