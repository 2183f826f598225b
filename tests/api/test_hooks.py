"""Providers' webhooks: the signature first, then the facts, then 2xx."""

import base64
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from twilio.request_validator import RequestValidator

from notify import alerts
from notify.db import forget_engine, transaction
from notify.pipeline import fanout
from notify.settings import settings
from tests import factories
from tests.api import asked

TOKEN = "a token of Twilio's, for tests"
SIGNER = ec.generate_private_key(ec.SECP256R1())
FORM = {"MessageSid": "SM" + "1" * 32, "MessageStatus": "delivered", "To": "+12025550101", "ErrorCode": ""}


@pytest.fixture(autouse=True)
def _credentials(public_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    public = SIGNER.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for name, value in {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "SENDGRID_API_KEY": "SG.key",
        "SENDGRID_WEBHOOK_PUBLIC_KEY": base64.b64encode(public).decode(),
    }.items():
        monkeypatch.setenv(f"TOCSIN_{name}", value)


def twilio(door: httpx.Client, path: str, form: dict[str, str], signature: str | None = "") -> httpx.Response:
    """Signed as Twilio does it, unless another signature (None: none) is given."""
    right = RequestValidator(TOKEN).compute_signature(f"{str(door.base_url).rstrip('/')}{path}", form)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if signature is not None:
        headers["X-Twilio-Signature"] = signature or right
    return door.post(path, content=urlencode(form), headers=headers)


def sendgrid(door: httpx.Client, events: Sequence[Mapping[str, object]], *, tampered: bool = False) -> httpx.Response:
    body = json.dumps(events).encode()
    stamp = str(int(time.time()))
    signature = SIGNER.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }
    return door.post("/hooks/sendgrid/events", content=body + b" " * tampered, headers=headers)


def a_delivery(now: datetime) -> int:
    """One queued text message."""
    with transaction() as s:
        alert = factories.alert_ready(s, now=now)
        alerts.launch(s, alert.id, None, now)
    list(fanout.resolve(alert.id, now))
    return asked.number("SELECT id FROM deliveries WHERE state = 'queued' ORDER BY id LIMIT 1")


def test_a_signed_receipt_is_kept_before_it_is_acknowledged(door: httpx.Client, city: datetime) -> None:
    delivery = a_delivery(city)
    assert twilio(door, f"/hooks/twilio/status/{delivery}", FORM).status_code == 204
    kept = asked.rows("SELECT delivery_id, state, reference, applied_at FROM receipts")
    assert kept == [(delivery, "delivered", FORM["MessageSid"], None)]


@pytest.mark.parametrize("signature", [None, "d3Jvbmc=", "ünsigned".encode().hex()])
@pytest.mark.parametrize("path", ["/hooks/twilio/status/1", "/hooks/twilio/inbound"])
def test_without_the_right_signature_nothing_is_stored(door: httpx.Client, path: str, signature: str | None) -> None:
    form = FORM | {"From": "+12025550101", "Body": "STOP"}
    answer = twilio(door, path, form, signature)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    for table in ("receipts", "inbound", "suppressions"):
        assert asked.number(f"SELECT count(*) FROM {table}") == 0


def test_a_signature_for_another_delivery_does_not_fit(door: httpx.Client) -> None:
    right = RequestValidator(TOKEN).compute_signature(f"{str(door.base_url).rstrip('/')}/hooks/twilio/status/1", FORM)
    assert twilio(door, "/hooks/twilio/status/2", FORM, right).status_code == 403
    assert asked.number("SELECT count(*) FROM receipts") == 0


@pytest.mark.parametrize("number", ["999999999", "0", "abc"])
def test_a_receipt_for_no_delivery_of_ours_does_no_harm(door: httpx.Client, number: str) -> None:
    assert twilio(door, f"/hooks/twilio/status/{number}", FORM).status_code == 204


def test_one_receipt_that_cannot_be_stored_does_not_spoil_the_others(door: httpx.Client) -> None:
    numbers = [str(n) for n in range(1, 9)] + ["9" * 30]
    answers = _at_once(door, [(f"/hooks/twilio/status/{n}", FORM) for n in numbers])
    assert [answers[f"/hooks/twilio/status/{n}"] for n in numbers[:-1]] == [204] * 8
    assert answers[f"/hooks/twilio/status/{numbers[-1]}"] == 422
    assert asked.number("SELECT count(*) FROM receipts") == 8


def test_receipts_that_come_together_are_all_kept_in_few_commits(door: httpx.Client) -> None:
    answers = _at_once(door, [(f"/hooks/twilio/status/{n}", FORM) for n in range(1, 41)])
    assert set(answers.values()) == {204}
    assert asked.number("SELECT count(DISTINCT delivery_id) FROM receipts") == 40
    assert asked.number("SELECT count(DISTINCT xmin::text) FROM receipts") < 40


def test_a_receipt_that_cannot_be_kept_is_asked_for_again(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    settings.cache_clear()
    forget_engine()
    assert twilio(door, "/hooks/twilio/status/1", FORM).status_code == 503


def test_a_permanent_failure_suppresses_the_number_at_once(door: httpx.Client, city: datetime) -> None:
    delivery = a_delivery(city)
    form = FORM | {"MessageStatus": "failed", "ErrorCode": "21610"}
    assert twilio(door, f"/hooks/twilio/status/{delivery}", form).status_code == 204
    assert asked.rows("SELECT channel, reason, topic FROM suppressions") == [("sms", "opt-out", None)]


def test_stop_is_in_force_when_it_is_answered(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        phone = factories.resident(s, now=city).phone
    form = {"MessageSid": "SM" + "2" * 32, "From": phone, "To": "+15555550100", "Body": "please stop these"}
    answer = twilio(door, "/hooks/twilio/inbound", form)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    assert answer.text.startswith("<?xml")
    assert "<Message>" in answer.text
    assert asked.rows("SELECT channel, reason FROM suppressions") == [("sms", "opt-out")]
    again = twilio(door, "/hooks/twilio/inbound", form)
    assert again.status_code == 200
    assert asked.number("SELECT count(*) FROM inbound") == 1


def test_sendgrid_events_are_kept(door: httpx.Client) -> None:
    events = [{"event": "delivered", "delivery": str(n), "sg_event_id": f"e{n}"} for n in (1, 2)]
    events.append({"event": "open", "delivery": "1"})
    assert sendgrid(door, events).status_code == 204
    assert asked.rows("SELECT delivery_id, event_key FROM receipts ORDER BY 1") == [(1, "e1"), (2, "e2")]


def test_sendgrid_events_that_were_changed_on_the_way_are_refused(door: httpx.Client) -> None:
    events = [{"event": "spamreport", "delivery": "1"}]
    assert sendgrid(door, events, tampered=True).status_code == 403
    assert door.post("/hooks/sendgrid/events", json=events).status_code == 403
    assert asked.number("SELECT count(*) FROM receipts") == 0


def test_bodies_are_bounded(door: httpx.Client) -> None:
    assert door.post("/hooks/twilio/inbound", content=b"x" * (2**20 + 1)).status_code == 413
    assert door.post("/hooks/sendgrid/events", content=b"x" * (2**20 + 1)).status_code == 403  # read, and not signed
    assert door.post("/hooks/sendgrid/events", content=b"x" * (10 * 2**20 + 1)).status_code == 413


@pytest.mark.parametrize(("path", "most"), [("/hooks/twilio/status/1", 2**20), ("/hooks/sendgrid/events", 10 * 2**20)])
def test_a_body_that_does_not_say_its_length_is_bounded_too(door: httpx.Client, path: str, most: int) -> None:
    chunks = (b"x" * 2**16 for _ in range(most // 2**16 + 1))
    assert door.post(path, content=chunks).status_code == 413


def test_without_credentials_a_webhook_is_503(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TWILIO_AUTH_TOKEN", "")
    settings.cache_clear()
    answer = twilio(door, "/hooks/twilio/status/1", FORM)
    assert answer.status_code == 503
    assert "TOCSIN_TWILIO_AUTH_TOKEN" in answer.json()["hint"]


def _at_once(door: httpx.Client, requests: list[tuple[str, dict[str, str]]]) -> dict[str, int]:
    statuses: dict[str, int] = {}

    def post(path: str, form: dict[str, str]) -> None:
        statuses[path] = twilio(door, path, form).status_code

    threads = [threading.Thread(target=post, args=request) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_a_callback_is_counted_whichever_way_it_goes(door: httpx.Client) -> None:
    def counted(status: int) -> float:
        name = f'route="/hooks/twilio/status/{{delivery_id}}",status="{status}"'
        lines = [line for line in door.get("/metrics").text.splitlines() if name in line]
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0

    before = {status: counted(status) for status in (204, 403)}
    twilio(door, "/hooks/twilio/status/7", FORM)
    twilio(door, "/hooks/twilio/status/7", FORM, "d3Jvbmc=")
    assert {status: counted(status) - before[status] for status in before} == {204: 1, 403: 1}


@pytest.mark.parametrize("words", ["a b+c%20&d=é;", "", "😀", "=&="])
def test_every_field_counts_for_the_signature(door: httpx.Client, words: str) -> None:
    form = FORM | {"Body": words, "Field with spaces & é": "1"}
    assert twilio(door, "/hooks/twilio/status/7", form).status_code == 204
    assert twilio(door, "/hooks/twilio/status/7?more=a%20b", form).status_code == 204
    assert asked.number("SELECT count(*) FROM receipts") == 2


def test_a_form_in_pieces_and_one_too_long_are_read_alike(door: httpx.Client) -> None:
    """Both ways: the short one gives up when a body is longer than a callback's, and the other starts again."""
    for words in ("short", "x" * 60_000):
        form = FORM | {"Body": words}
        right = RequestValidator(TOKEN).compute_signature(
            f"{str(door.base_url).rstrip('/')}/hooks/twilio/status/7", form
        )
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": right}
        pieces = (body[n : n + 1000] for n in range(0, len(body), 1000))
        assert door.post("/hooks/twilio/status/7", content=pieces, headers=headers).status_code == 204
    assert asked.number("SELECT count(*) FROM receipts") == 2
