"""The simulated Mastodon."""

import httpx
import pytest
from simulator_process import POSTER, Simulator


def test_a_post_answers_with_a_status(simulator: Simulator) -> None:
    answer = simulator.post("Go indoors.\n\nhttps://city.example.org/a?b&c", language="en", visibility="public")
    status = answer.json()
    assert answer.status_code == 200
    assert status["id"].isdecimal()
    assert (status["language"], status["visibility"], status["account"]["acct"]) == ("en", "public", "city")
    assert status["content"].startswith("<p>Go indoors.</p><p><a href=")
    assert answer.headers["x-ratelimit-remaining"] == "299"


def test_a_form_is_as_good_as_json(simulator: Simulator) -> None:
    headers = {"Authorization": f"Bearer {POSTER}"}
    answer = simulator.http.post("/api/v1/statuses", data={"status": "Hola", "language": "es"}, headers=headers)
    assert (answer.status_code, answer.json()["language"]) == (200, "es")


def test_a_repeated_idempotency_key_answers_with_the_first_post(simulator: Simulator) -> None:
    first, again = simulator.post("Once", key="tocsin-1"), simulator.post("Once", key="tocsin-1")
    other = simulator.post("Once", key="tocsin-2")
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]
    assert len(simulator.accepted(provider="mastodon")) == 2


def test_a_post_that_was_taken_without_an_answer_is_found_by_its_key(simulator: Simulator) -> None:
    simulator.behave(mastodon={"next_errors": [{"accept_then_hang_s": 0.05}]})
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        simulator.post("Once", key="tocsin-1")
    (taken,) = simulator.accepted()
    assert simulator.post("Once", key="tocsin-1").json()["id"] == taken["id"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("a" * 500, 200),
        ("a" * 501, 422),
        ("a" * 476 + " https://city.example.org/" + "b" * 300, 200),  # an address counts 23
        ("a" * 477 + " https://city.example.org/" + "b" * 300, 422),
        ("a" * 495 + " @bob@social.example.org", 200),  # of a mention its server does not count
        ("a" * 496 + " @bob@social.example.org", 422),
        ("  ", 422),
    ],
)
def test_length_is_counted_as_mastodon_does(simulator: Simulator, text: str, status: int) -> None:
    answer = simulator.post(text)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"].startswith("Validation failed: ")


def test_a_wrong_token_and_a_wrong_visibility_are_refused(simulator: Simulator) -> None:
    answer = simulator.http.post("/api/v1/statuses", json={"status": "x"}, headers={"Authorization": "Bearer guess"})
    assert (answer.status_code, answer.json()) == (401, {"error": "The access token is invalid"})
    assert simulator.post("x", visibility="everyone").status_code == 422


def test_too_many_posts_are_refused_until_the_next_window(simulator: Simulator) -> None:
    simulator.behave(mastodon={"posts_per_window": 2})
    answers = [simulator.post(str(number)) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json() == {"error": "Too many requests"}
    assert answers[-1].headers["x-ratelimit-limit"] == "2"
    assert answers[-1].headers["x-ratelimit-remaining"] == "0"
    assert answers[-1].headers["x-ratelimit-reset"].endswith("Z")


def test_credentials_can_be_verified(simulator: Simulator) -> None:
    answer = simulator.http.get("/api/v1/accounts/verify_credentials", headers={"Authorization": f"Bearer {POSTER}"})
    assert (answer.status_code, answer.json()["acct"]) == (200, "city")
    assert answer.json()["source"]["privacy"] == "public"
