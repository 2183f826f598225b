"""Mastodon's adapter from tables."""

import json

import pytest
from stand_in import PATIENT_S, Reply, StandIn

from notify.channels.contract import Accepted, Ambiguous, Content, HookRequest, Message, Recipient, SendError
from notify.channels.http.connections import Connections
from notify.channels.mastodon.adapter import MastodonPost
from notify.core.errors import BadSignature

CONTENT = Content(alert_id=1, language="es-US", topic="storm", subject="", text="Tormenta: quédese en casa", html="")
MESSAGE = Message(CONTENT, "@city@social.example", [Recipient(7, "")], "https://alerts.example.org/hooks/mastodon")


def adapter(url: str, client: Connections | None, timeout_s: float = PATIENT_S) -> MastodonPost:
    return MastodonPost(access_token="t0ken", base_url=f"{url}/", client=client, timeout_s=timeout_s)


def send(provider: StandIn, reply: Reply) -> Accepted:
    return provider.ask(adapter, lambda mastodon: mastodon.send(MESSAGE), reply)


def test_a_post_carries_the_key_that_makes_a_repeat_safe(provider: StandIn) -> None:
    assert send(provider, Reply(200, {"id": "109"})) == Accepted("109")
    (seen,) = provider.seen
    assert (seen.method, seen.url) == ("POST", "/api/v1/statuses")
    assert seen.headers["Idempotency-Key"] == "tocsin-7"
    assert seen.headers["Authorization"] == "Bearer t0ken"
    assert json.loads(seen.body) == {"status": CONTENT.text, "language": "es", "visibility": "public"}


@pytest.mark.parametrize(
    ("label", "reply", "retryable", "blame", "wait_s"),
    [
        (
            "rate, until a point in time",
            Reply(
                429,
                {"error": "Too many requests"},
                {"X-RateLimit-Reset": "2026-11-23T10:05:00.000000Z", "Date": "Mon, 23 Nov 2026 10:00:00 GMT"},
            ),
            True,
            "provider",
            300.0,
        ),
        (
            "too long",
            Reply(422, {"error": "Validation failed: Text character limit of 500 exceeded"}),
            False,
            "us",
            None,
        ),
        ("token", Reply(401, {"error": "The access token is invalid"}), False, "us", None),
        ("no such server", Reply(404, b""), False, "us", None),
        ("overloaded", Reply(503, {"error": "x"}), True, "provider", None),
    ],
)
def test_refusals(
    provider: StandIn, label: str, reply: Reply, retryable: bool, blame: str, wait_s: float | None
) -> None:
    with pytest.raises(SendError) as caught:
        send(provider, reply)
    error = caught.value
    assert (error.retryable, error.blame, error.retry_after_s) == (retryable, blame, wait_s), label


@pytest.mark.parametrize("reply", [Reply(way="hang"), Reply(way="drop"), Reply(502), Reply(503), Reply(200, b"<html>")])
def test_an_unknown_outcome_is_never_called_a_failure(provider: StandIn, reply: Reply) -> None:
    with pytest.raises(Ambiguous):
        send(provider, reply)


def test_no_webhook_is_believed() -> None:
    with pytest.raises(BadSignature):
        adapter("http://127.0.0.1:9", None).parse_receipt(HookRequest("https://alerts.example.org", {}, b"[]"))
