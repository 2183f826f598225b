"""The simulated server of Bluesky."""

from typing import Any

import httpx
import pytest
from simulator_process import APP_PASSWORD, Simulator

DID = "did:plc:simulatedsimulatedsimula"
COLLECTION = "app.bsky.feed.post"
KEY = "3jzfcijpj2z2a"


def logged_in(simulator: Simulator) -> dict[str, Any]:
    given = {"identifier": "city.bsky.social", "password": APP_PASSWORD}
    answer = simulator.xrpc("server.createSession", "", given)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def token(simulator: Simulator) -> str:
    return str(logged_in(simulator)["accessJwt"])


def record(text: str, **more: Any) -> dict[str, Any]:
    return {"$type": COLLECTION, "text": text, "createdAt": "2026-11-28T14:00:00.000Z", "langs": ["en"]} | more


def create(simulator: Simulator, token: str, text: str = "Go indoors.", key: str = KEY, **more: Any) -> httpx.Response:
    given = {"repo": DID, "collection": COLLECTION, "rkey": key, "record": record(text, **more)}
    return simulator.xrpc("repo.createRecord", token, given)


def found(simulator: Simulator, key: str = KEY) -> httpx.Response:
    params = {"repo": DID, "collection": COLLECTION, "rkey": key}
    return simulator.http.get("/xrpc/com.atproto.repo.getRecord", params=params)


def test_a_post_is_a_record_that_can_be_read_and_deleted(simulator: Simulator, token: str) -> None:
    made = create(simulator, token)
    assert made.status_code == 200
    assert made.json()["uri"] == f"at://{DID}/{COLLECTION}/{KEY}"
    assert made.headers["ratelimit-remaining"] == "4997"
    read = found(simulator)
    assert (read.json()["uri"], read.json()["value"]["text"]) == (made.json()["uri"], "Go indoors.")
    (kept,) = simulator.accepted(provider="bluesky")
    assert (kept["id"], kept["body"], kept["from"]) == (made.json()["uri"], "Go indoors.", "city.bsky.social")
    gone = {"repo": DID, "collection": COLLECTION, "rkey": KEY}
    assert simulator.xrpc("repo.deleteRecord", token, gone).status_code == 200
    assert simulator.accepted() == []
    assert (found(simulator).status_code, found(simulator).json()["error"]) == (400, "RecordNotFound")


def test_a_key_that_is_there_is_an_error_as_any_other(simulator: Simulator, token: str) -> None:
    create(simulator, token)
    again = create(simulator, token, "Again.")
    assert (again.status_code, again.json()["error"]) == (500, "InternalServerError")
    assert [message["body"] for message in simulator.accepted()] == ["Go indoors."]


def test_a_post_that_was_taken_without_an_answer_is_found_by_its_key(simulator: Simulator, token: str) -> None:
    simulator.behave(bluesky={"next_errors": [{"accept_then_hang_s": 0.05}]})
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        create(simulator, token)
    (taken,) = simulator.accepted()
    assert found(simulator).json()["uri"] == taken["id"]


def test_without_a_session_nothing_is_written(simulator: Simulator, token: str) -> None:
    wrong = simulator.xrpc("server.createSession", "", {"identifier": "city.bsky.social", "password": "guess"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "AuthenticationRequired")
    assert create(simulator, "").json()["error"] == "AuthMissing"
    assert create(simulator, "guess").json()["error"] == "InvalidToken"
    assert simulator.xrpc("server.refreshSession", token).json()["error"] == "InvalidToken"
    assert simulator.accepted() == []


def test_a_session_expires_and_is_renewed(simulator: Simulator) -> None:
    session = logged_in(simulator)
    simulator.behave(bluesky={"session_lasts_s": 0})
    expired = create(simulator, session["accessJwt"])
    assert (expired.status_code, expired.json()["error"]) == (400, "ExpiredToken")
    renewed = simulator.xrpc("server.refreshSession", session["refreshJwt"]).json()
    assert (renewed["did"], renewed["active"]) == (DID, True)
    simulator.behave(bluesky={"session_lasts_s": 7200})
    assert create(simulator, renewed["accessJwt"]).status_code == 200


@pytest.mark.parametrize(
    ("label", "more", "status"),
    [
        ("300 graphemes", {"text": "a" * 300}, 200),
        ("301", {"text": "a" * 301}, 400),
        ("a family counts one", {"text": "👩‍👩‍👧" * 150}, 200),
        ("3000 bytes", {"text": "👩‍👩‍👧‍👧" * 121}, 400),
        ("no text", {"text": None}, 400),
        ("a time without a zone", {"text": "x", "createdAt": "2026-11-28T14:00:00"}, 400),
        ("languages", {"text": "x", "langs": ["en", "es", "fr", "de"]}, 400),
        ("a key", {"text": "x", "key": "a/b"}, 400),
        (
            "half a character",
            {"text": "é x", "facets": [{"index": {"byteStart": 1, "byteEnd": 3}, "features": [{"uri": "x:y"}]}]},
            400,
        ),
        (
            "past the end",
            {"text": "x", "facets": [{"index": {"byteStart": 0, "byteEnd": 3}, "features": [{"uri": "x:y"}]}]},
            400,
        ),
    ],
)
def test_records_are_held_against_the_lexicon(
    simulator: Simulator, token: str, label: str, more: dict[str, Any], status: int
) -> None:
    answer = create(simulator, token, **more)
    assert answer.status_code == status, label
    assert status == 200 or answer.json()["error"] == "InvalidRequest"


def test_too_many_posts_are_refused_until_the_next_hour(simulator: Simulator, token: str) -> None:
    simulator.behave(bluesky={"points_per_hour": 6})
    answers = [create(simulator, token, key=f"3jzfcijpj2z2{letter}") for letter in "abc"]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["error"] == "RateLimitExceeded"
    limits = {name: value for name, value in answers[-1].headers.items() if name.startswith("ratelimit-")}
    assert limits.pop("ratelimit-reset").isdecimal()
    assert limits == {"ratelimit-limit": "6", "ratelimit-remaining": "0", "ratelimit-policy": "6;w=3600"}


def test_an_account_that_was_suspended_posts_nothing(simulator: Simulator, token: str) -> None:
    simulator.behave(bluesky={"account_status": "suspended"})
    assert create(simulator, token).json()["error"] == "RepoSuspended"
    assert (logged_in(simulator)["active"], logged_in(simulator)["status"]) == (False, "suspended")


def test_the_page_shows_links_where_the_post_has_marked_them_and_nowhere_else(simulator: Simulator, token: str) -> None:
    text = "Ño: https://city.example.org/a <b> https://city.example.org/b"
    mark = {"$type": "app.bsky.richtext.facet#link", "uri": "https://city.example.org/a"}
    facet = {"index": {"byteStart": 5, "byteEnd": 31}, "features": [mark]}
    assert create(simulator, token, text, facets=[facet]).status_code == 200
    page = simulator.http.get("/timeline").text
    assert "@city.bsky.social" in page
    link = '<a href="https://city.example.org/a" rel="nofollow noopener" target="_blank">https://city.example.org/a</a>'
    assert f"Ño: {link} &lt;b&gt; https://city.example.org/b" in page


def test_the_log_of_requests_has_no_password(simulator: Simulator) -> None:
    logged_in(simulator)
    assert APP_PASSWORD not in simulator.http.get("/_sim/requests").text
