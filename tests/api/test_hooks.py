"""Providers' webhooks: the signature first, then the facts, then 2xx."""

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from urllib.parse import urlencode

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import QueuePool, text
from twilio.request_validator import RequestValidator

from api.hooks import watch
from notify.core import crypto
from notify.core.db import engine, forget_engine, transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.owner import as_owner, owning
from tests.waiting import until

TOKEN = "a token of Twilio's, for tests"
SIGNER = ec.generate_private_key(ec.SECP256R1())
MOST_BYTES = {"/hooks/twilio/status/1": 2**16, "/hooks/twilio/inbound": 2**16, "/hooks/sendgrid/events": 10 * 2**20}
SIGNED = {
    "X-Twilio-Signature": "d3Jvbmc=",
    "X-Twilio-Email-Event-Webhook-Signature": "d3Jvbmc=",
    "X-Twilio-Email-Event-Webhook-Timestamp": "1795428000",
}
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
    return sendgrid_body(door, json.dumps(events).encode(), tampered=tampered)


def sendgrid_body(door: httpx.Client, body: bytes, *, tampered: bool = False) -> httpx.Response:
    stamp = str(int(time.time()))
    signature = SIGNER.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }
    return door.post("/hooks/sendgrid/events", content=body + b" " * tampered, headers=headers)


def event(number: int, name: str = "delivered", **more: object) -> dict[str, object]:
    """Of one of our mails."""
    email = f"resident.{number}@example.org"
    argument = f"{number}.{crypto.proof(number, email)}"
    return {"event": name, "email": email, "tocsin": argument, "sg_event_id": f"e{number}", **more}


def a_delivery(now: datetime) -> int:
    """One queued text message."""
    factories.alert_resolved(now=now)
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
    (sealed,) = asked.rows(
        "SELECT address_sealed FROM contacts c JOIN deliveries d ON d.contact_id = c.id WHERE d.id = :id", id=delivery
    )[0]
    form = FORM | {"MessageStatus": "failed", "ErrorCode": "21610", "To": crypto.unseal(sealed, "sms")}
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


def inbound(door: httpx.Client, phone: str, words: str, sid: str | None) -> str:
    form = {"From": phone, "To": "+15555550100", "Body": words} | ({} if sid is None else {"MessageSid": sid})
    answer = twilio(door, "/hooks/twilio/inbound", form)
    assert answer.status_code == 200
    return answer.text


def test_an_exact_start_is_answered_with_what_holds(door: httpx.Client, city: datetime) -> None:
    assert "this number is not signed up. To sign up:" in inbound(door, "+12155559999", "START", "SM1")
    with transaction() as s:
        phone = factories.resident(s, now=city).phone
    assert "Reply START to get all again" in inbound(door, phone, "please stop texting me", "SM2")
    assert "you will get messages again" in inbound(door, phone, "START", "SM3")
    assert asked.number("SELECT count(*) FROM suppressions") == 0


@pytest.mark.parametrize("sid", [None, ""])
def test_two_texts_without_a_sid_both_count(door: httpx.Client, city: datetime, sid: str | None) -> None:
    with transaction() as s:
        phone = factories.resident(s, now=city).phone
    assert "nobody reads this number" in inbound(door, phone, "hello", sid)
    assert "you get no more texts" in inbound(door, phone, "please stop texting me", sid)
    assert asked.rows("SELECT channel, reason FROM suppressions") == [("sms", "opt-out")]
    assert asked.rows("SELECT meaning FROM inbound ORDER BY id") == [("other",), ("stop",)]


def test_sendgrid_events_are_kept(door: httpx.Client) -> None:
    events = [event(1), event(2), event(1, "open")]
    assert sendgrid(door, events).status_code == 204
    assert asked.rows("SELECT delivery_id, event_key FROM receipts ORDER BY 1") == [(1, "e1"), (2, "e2")]


ODD: list[dict[str, object]] = [
    {"event": "delivered", "tocsin": "9" * 30 + ".c0ffee", "sg_event_id": "odd"},
    {"event": "delivered", "tocsin": "3." + "c" * 5_000, "sg_event_id": "odd"},
    {"event": "delivered", "tocsin": "3.c0ffee\ud800", "sg_event_id": "odd"},
    {"event": "delivered", "delivery": "9" * 30, "sg_event_id": "odd"},
    {"event": "delivered", "delivery": 10**30, "sg_event_id": "odd"},
    {"event": "delivered", "delivery": "9" * 5_000, "sg_event_id": "odd"},
    {"event": "delivered", "tocsin": "3.c0ffee", "email": "a\ud800@example.org", "sg_event_id": "odd"},
    {"event": "delivered", "tocsin": "3.c0ffee", "sg_event_id": "odd\x00"},
    {"event": "delivered", "tocsin": "3.c0ffee", "sg_event_id": "odd\ud800"},
    {"event": "delivered", "tocsin": "3.c0ffee", "sg_message_id": "\udfff.filter", "sg_event_id": "odd"},
    {"event": "delivered", "tocsin": "3.c0ffee", "sg_event_id": "x" * 100_000},
]


@pytest.mark.parametrize("odd", ODD, ids=[str(n) for n in range(len(ODD))])
def test_one_odd_sendgrid_event_is_set_aside_with_an_alarm_and_the_others_are_kept(
    door: httpx.Client, odd: dict[str, object]
) -> None:
    events = [event(1), odd, event(2, "spamreport")]
    assert sendgrid(door, events).status_code == 204
    assert asked.rows("SELECT delivery_id, event_key FROM receipts ORDER BY 1") == [(1, "e1"), (2, "e2")]
    assert asked.rows("SELECT kind FROM alarms WHERE resolved_at IS NULL") == [("webhook-unreadable",)]


@pytest.mark.parametrize("odd", [b"\xff", b'{"event":' * 3_000 + b"1" + b"}" * 3_000, b'{"event": "deliv'])
def test_what_is_no_event_at_all_spoils_nothing_else(door: httpx.Client, odd: bytes) -> None:
    events = [json.dumps(event(n, "spamreport", x="],[")).encode() for n in (1, 2)]
    assert sendgrid_body(door, b"[" + events[0] + b"," + events[1] + b"," + odd + b"]").status_code == 204
    assert asked.rows("SELECT delivery_id, suppress FROM receipts ORDER BY 1") == [(1, "complaint"), (2, "complaint")]
    assert asked.rows("SELECT kind FROM alarms WHERE resolved_at IS NULL") == [("webhook-unreadable",)]


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{}", b"[{"])
def test_a_signed_body_that_is_no_list_of_events_is_refused_with_an_alarm(door: httpx.Client, body: bytes) -> None:
    assert sendgrid_body(door, body).status_code == 422
    assert asked.number("SELECT count(*) FROM alarms") == 1


def test_a_number_without_end_in_one_event_spoils_nothing_else(door: httpx.Client) -> None:
    odd = b'{"event":"delivered","delivery":' + b"9" * 5_000 + b"}"
    good = json.dumps(event(2, "spamreport"))[:-1].encode()
    body = b"[" + good + b',"timestamp":' + b"9" * 5_000 + b"}," + odd + b"]"
    assert sendgrid_body(door, body).status_code == 204
    assert asked.rows("SELECT delivery_id, suppress FROM receipts") == [(2, "complaint")]
    assert asked.number("SELECT count(*) FROM alarms") == 1


@pytest.mark.parametrize(
    ("path", "odd"),
    [
        ("9" * 5_000, {}),
        ("9" * 19, {}),
        ("1", {"MessageSid": "SM\x00"}),
        ("1", {"MessageStatus": "failed", "ErrorCode": "9" * 5_000}),
        ("1", {"MessageStatus": "failed", "ErrorCode": "\x00"}),
    ],
)
def test_an_odd_twilio_callback_is_refused_with_an_alarm(door: httpx.Client, path: str, odd: dict[str, str]) -> None:
    assert twilio(door, f"/hooks/twilio/status/{path}", FORM | odd).status_code == 422
    assert asked.rows("SELECT kind FROM alarms") == [("webhook-unreadable",)]


@pytest.mark.parametrize("code", ["check_violation", "raise_exception", "internal_error"])
def test_what_postgresql_alone_refuses_spoils_nothing_else(door: httpx.Client, code: str) -> None:
    as_owner(
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''refused'' USING ERRCODE = ''{code}''; END'""",
        """CREATE TRIGGER odd BEFORE INSERT ON receipts FOR EACH ROW WHEN (NEW.delivery_id = 13)
           EXECUTE FUNCTION refuse()""",
    )
    try:
        assert sendgrid(door, [event(n) for n in (12, 13, 14)]).status_code == 204
    finally:
        as_owner("DROP TRIGGER odd ON receipts", "DROP FUNCTION refuse()")
    assert asked.rows("SELECT delivery_id FROM receipts ORDER BY 1") == [(12,), (14,)]
    assert asked.rows("SELECT kind FROM alarms") == [("webhook-unreadable",)]


def test_a_public_url_that_is_wrong_rings(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twilio signs the address that it calls: with another one in the settings every STOP is lost."""
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://elsewhere.example.org")
    settings.cache_clear()
    genuine = FORM | {"AccountSid": "AC" + "0" * 32, "From": "+12025550101", "Body": "STOP"}
    for _ in range(4):
        assert twilio(door, "/hooks/twilio/inbound", genuine).status_code == 403
    assert asked.number("SELECT count(*) FROM alarms") == 0
    assert twilio(door, "/hooks/twilio/inbound", genuine).status_code == 403
    kind, message = until(lambda: asked.rows("SELECT kind, message FROM alarms"), 60, "it rings")[0]
    assert kind == "webhook-refused"
    assert "https://elsewhere.example.org" in message


@pytest.mark.parametrize(("hours_apart", "rings"), [(5, True), (7, False)])
def test_a_city_that_gets_a_text_now_and_then_hears_of_a_wrong_url_too(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch, hours_apart: int, rings: bool
) -> None:
    now_s = iter(range(0, 1_000_000, hours_apart * 3600))
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: float(next(now_s))))

    async def refuse() -> None:
        one = watch.Watch("twilio")
        for _ in range(5):
            await one.refused()

    asyncio.run(refuse())
    assert asked.rows("SELECT kind FROM alarms") == ([("webhook-refused",)] if rings else [])


def test_forgeries_of_strangers_do_not_ring(door: httpx.Client) -> None:
    for _ in range(8):
        assert twilio(door, "/hooks/twilio/inbound", FORM, "d3Jvbmc=").status_code == 403
    assert asked.number("SELECT count(*) FROM alarms") == 0


def test_a_wrong_verification_key_rings(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY", "")
    settings.cache_clear()
    for _ in range(5):
        assert sendgrid(door, []).status_code == 403
    assert until(lambda: asked.rows("SELECT kind FROM alarms"), 60, "it rings") == [("webhook-refused",)]


def test_a_provider_whose_webhooks_are_refused_hides_no_other(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY", "")
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://elsewhere.example.org")
    settings.cache_clear()
    genuine = FORM | {"AccountSid": "AC" + "0" * 32, "From": "+12025550101", "Body": "STOP"}
    for _ in range(5):
        assert twilio(door, "/hooks/twilio/inbound", genuine).status_code == 403
        assert sendgrid(door, []).status_code == 403
    rung = until(lambda: len(found := asked.rows("SELECT about FROM alarms ORDER BY about")) > 1 and found, 60, "both")
    assert rung == [("sendgrid",), ("twilio",)]


def test_sendgrid_events_that_were_changed_on_the_way_are_refused(door: httpx.Client) -> None:
    events = [event(1, "spamreport")]
    assert sendgrid(door, events, tampered=True).status_code == 403
    assert door.post("/hooks/sendgrid/events", json=events).status_code == 403
    assert asked.number("SELECT count(*) FROM receipts") == 0


@pytest.mark.parametrize(
    ("path", "signature", "length", "status"),
    [
        ("/hooks/twilio/status/1", {}, 900, 403),
        ("/hooks/twilio/inbound", {}, 900, 403),
        ("/hooks/sendgrid/events", {}, 900, 403),
        ("/hooks/sendgrid/events", {"X-Twilio-Email-Event-Webhook-Signature": "MEUC"}, 900, 403),
        ("/hooks/twilio/status/1", SIGNED, MOST_BYTES["/hooks/twilio/status/1"] + 1, 413),
        ("/hooks/twilio/inbound", SIGNED, MOST_BYTES["/hooks/twilio/inbound"] + 1, 413),
        ("/hooks/sendgrid/events", SIGNED, MOST_BYTES["/hooks/sendgrid/events"] + 1, 413),
    ],
)
def test_what_is_not_signed_or_too_long_is_refused_before_its_body_has_come(
    door: httpx.Client, path: str, signature: dict[str, str], length: int, status: int
) -> None:
    lines = [f"POST {path} HTTP/1.1", "Host: tocsin", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in signature.items()]
    with socket.create_connection((door.base_url.host, door.base_url.port or 80), timeout=60) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        assert line.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("path", MOST_BYTES)
def test_a_body_that_does_not_say_its_length_is_bounded_too(door: httpx.Client, path: str) -> None:
    chunks = (b"x" * 2**16 for _ in range(MOST_BYTES[path] // 2**16 + 1))
    assert door.post(path, content=chunks, headers=SIGNED).status_code == 413


def test_fields_without_end_are_refused(door: httpx.Client) -> None:
    """Of 30,000 fields Twilio's validator makes the API stand still."""
    answer = door.post("/hooks/twilio/inbound", content=b"&".join([b"a"] * 30_000), headers=SIGNED)
    assert answer.status_code == 403
    assert "200 fields" in answer.json()["detail"]


@pytest.mark.parametrize("path", MOST_BYTES)
def test_a_webhook_is_posted(door: httpx.Client, path: str) -> None:
    assert door.get(path, headers=SIGNED).status_code == 405


def test_a_stop_is_obeyed_while_all_other_threads_and_connections_are_taken(
    door: httpx.Client, city: datetime, key: Callable[..., dict[str, str]]
) -> None:
    """Sixty readers wait for a lock: more than the application has threads and connections."""
    with transaction() as s:
        phone = factories.resident(s, now=city).phone
    headers, answers = key(), []
    form = {"MessageSid": "SM" + "7" * 32, "From": phone, "To": "+15555550100", "Body": "STOP"}
    readers = [
        threading.Thread(target=lambda: answers.append(door.get("/api/v1/zones", headers=headers).status_code))
        for _ in range(60)
    ]
    with owning() as s:
        s.execute(text("LOCK TABLE zones IN ACCESS EXCLUSIVE MODE"))
        for reader in readers:
            reader.start()
        until(_pool_is_taken, 60, "as many wait for the lock as can")
        assert twilio(door, "/hooks/twilio/inbound", form).status_code == 200
        assert twilio(door, "/hooks/twilio/status/1", FORM).status_code == 204
    for reader in readers:
        reader.join()
    assert set(answers) == {200}


@pytest.mark.timed
def test_four_connections_with_forged_fields_do_not_keep_a_stop_waiting(door: httpx.Client, city: datetime) -> None:
    """A mebibyte of fields once took 2.7 s, and a signed STOP behind four of them 13 s."""
    fields = b"&".join([b"a"] * 2**19)
    statuses: list[int] = []
    done = threading.Event()

    def forge() -> None:
        with httpx.Client(base_url=door.base_url, timeout=60) as forger:
            while not done.is_set():
                statuses.append(forger.post("/hooks/twilio/inbound", content=fields, headers=SIGNED).status_code)

    with transaction() as s:
        phone = factories.resident(s, now=city).phone
    form = {"MessageSid": "SM" + "8" * 32, "From": phone, "To": "+15555550100", "Body": "STOP"}
    forgers = [threading.Thread(target=forge) for _ in range(4)]
    for forger in forgers:
        forger.start()
    try:
        until(lambda: len(statuses) >= 4, 60, "all four are at work")
        began_s = time.monotonic()
        assert twilio(door, "/hooks/twilio/inbound", form).status_code == 200
        assert time.monotonic() - began_s < 5  # mostly the forgers' own work, in this process
    finally:
        done.set()
        for forger in forgers:
            forger.join()
    assert asked.rows("SELECT channel, reason FROM suppressions") == [("sms", "opt-out")]
    assert set(statuses) == {413}


def _pool_is_taken() -> bool:
    pool = engine().pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout() == pool.size() + pool._max_overflow


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


def test_a_callback_is_counted_whether_it_is_kept_or_refused(door: httpx.Client) -> None:
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


def test_a_form_in_pieces_and_a_long_one_are_read_alike(door: httpx.Client) -> None:
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
