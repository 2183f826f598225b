"""SendGrid's adapter from tables: the mail it hands over, and what it makes of answers and events."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in import PATIENT_S, Reply, StandIn

from notify.channels.contract import (
    Accepted,
    Ambiguous,
    Content,
    HookRequest,
    Message,
    Receipt,
    Receipts,
    ReceiptState,
    Recipient,
    SendError,
)
from notify.channels.http.connections import Connections
from notify.channels.sendgrid.adapter import SendGridEmail
from notify.core.errors import BadSignature, Invalid
from tests.api_document import ApiDocument

CONTENT = Content(
    alert_id=1,
    language="es",
    topic="storm",
    subject='Tormenta "Ana": quédese en casa',
    text="Quédese en casa.\nBaja: -unsubscribe_url-",
    html='<p>Quédese en casa. <a href="-unsubscribe_url-">Baja</a></p>',
    list_id="storm.alerts.example.org",
)
RECIPIENTS = [
    Recipient(7, "ana@example.org", "https://alerts.example.org/u/one", "c0ffee"),
    Recipient(8, 'o"hara@example.org', "https://alerts.example.org/u/two", "decade"),
]
HOOK = "https://alerts.example.org/hooks/sendgrid/events"
MESSAGE = Message(CONTENT, "City of Tocsin <alerts@example.org>", RECIPIENTS, HOOK)
KEY = ec.generate_private_key(ec.SECP256R1())


def public_key(key: Any = KEY) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def adapter(url: str, client: Connections | None, timeout_s: float = PATIENT_S, key: str = "") -> SendGridEmail:
    return SendGridEmail(api_key="SG.x", base_url=url, client=client, timeout_s=timeout_s, webhook_public_key=key)


def send(provider: StandIn, reply: Reply, message: Message = MESSAGE) -> Accepted:
    return provider.ask(adapter, lambda sendgrid: sendgrid.send(message), reply)


def test_the_mail_is_one_that_sendgrid_documents(provider: StandIn, sendgrid_document: ApiDocument) -> None:
    assert send(provider, Reply(202, headers={"X-Message-Id": "abc.d"})) == Accepted("abc.d")
    (seen,) = provider.seen
    mail = json.loads(seen.body)
    assert (seen.method, seen.url, seen.headers["Authorization"]) == ("POST", "/v3/mail/send", "Bearer SG.x")
    sendgrid_document.check_body("/v3/mail/send", "application/json", mail)
    assert mail["from"] == {"email": "alerts@example.org", "name": "City of Tocsin"}
    assert mail["subject"] == CONTENT.subject
    assert mail["content"] == [
        {"type": "text/plain", "value": CONTENT.text},
        {"type": "text/html", "value": CONTENT.html},
    ]
    assert mail["categories"] == ["storm"]
    assert all(part["enable"] is False for part in mail["tracking_settings"].values())
    assert "mail_settings" not in mail


def test_each_recipient_has_a_personalization_and_a_way_out(provider: StandIn) -> None:
    send(provider, Reply(202))
    each = json.loads(provider.seen[0].body)["personalizations"]
    assert each[1] == {
        "to": [{"email": 'o"hara@example.org'}],
        "substitutions": {"-unsubscribe_url-": "https://alerts.example.org/u/two"},
        "headers": {
            "List-Id": "<storm.alerts.example.org>",
            "List-Unsubscribe": "<https://alerts.example.org/u/two>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "custom_args": {"tocsin": "8.decade"},
    }
    assert [part["custom_args"]["tocsin"] for part in each] == ["7.c0ffee", "8.decade"]


def test_a_plain_mail_from_a_bare_address(provider: StandIn, sendgrid_document: ApiDocument) -> None:
    content = Content(alert_id=2, language="en", topic="general", subject="Code", text="Your code: 1", html="")
    send(provider, Reply(202), Message(content, "alerts@example.org", [Recipient(9, "b@example.org")], HOOK))
    mail = json.loads(provider.seen[0].body)
    sendgrid_document.check_body("/v3/mail/send", "application/json", mail)
    assert mail["from"] == {"email": "alerts@example.org"}
    assert [part["type"] for part in mail["content"]] == ["text/plain"]
    assert mail["personalizations"][0]["headers"] == {}


def test_a_thousand_recipients_fit_in_one_request(provider: StandIn, sendgrid_document: ApiDocument) -> None:
    url = "https://alerts.example.org/u/" + "t" * 900  # past the size at which aiohttp wants a file
    many = [Recipient(n, f"r{n}@example.org", url) for n in range(SendGridEmail.max_recipients)]
    send(provider, Reply(202), Message(CONTENT, "alerts@example.org", many, HOOK))
    mail = json.loads(provider.seen[0].body)
    sendgrid_document.check_body("/v3/mail/send", "application/json", mail)
    assert len(mail["personalizations"]) == 1000


def faults(*fields: str | None) -> Reply:
    return Reply(400, {"errors": [{"message": "ana@example.org is bad", "field": field} for field in fields]})


@pytest.mark.parametrize(
    ("label", "reply", "code", "retryable", "blame", "suppress", "positions"),
    [
        (
            "one bad address of two",
            faults("personalizations.1.to.0.email"),
            "invalid-address",
            False,
            "recipient",
            "invalid",
            (1,),
        ),
        (
            "both",
            faults("personalizations.1.to.0.email", "personalizations.0.to"),
            "invalid-address",
            False,
            "recipient",
            "invalid",
            (0, 1),
        ),
        ("a position nobody sent", faults("personalizations.5.to.0.email"), "http-400", False, "us", "", ()),
        ("our From", faults("from.email"), "http-400", False, "us", "", ()),
        (
            "ours as well as theirs",
            faults("from.email", "personalizations.1.to.0.email"),
            "http-400",
            False,
            "us",
            "",
            (),
        ),
        ("no field", faults(None), "http-400", False, "us", "", ()),
        ("no JSON", Reply(400, b"<html>"), "http-400", False, "us", "", ()),
        ("key", Reply(401, {"errors": []}), "http-401", False, "us", "", ()),
        ("sender not verified", Reply(403, {"errors": []}), "http-403", False, "us", "", ()),
        ("too large", Reply(413), "http-413", False, "us", "", ()),
        ("rate", Reply(429), "http-429", True, "provider", "", ()),
        ("server error", Reply(500, {"errors": [{"message": "x"}]}), "http-500", True, "provider", "", ()),
    ],
)
def test_refusals_say_who_is_to_blame(
    provider: StandIn,
    label: str,
    reply: Reply,
    code: str,
    retryable: bool,
    blame: str,
    suppress: str,
    positions: tuple[int, ...],
) -> None:
    with pytest.raises(SendError) as caught:
        send(provider, reply)
    error = caught.value
    assert (error.code, error.retryable, error.blame) == (code, retryable, blame), label
    assert (error.suppress, error.positions) == (suppress, positions), label
    assert "@" not in f"{error} {error.detail}"


@pytest.mark.parametrize(
    "reply", [Reply(way="hang"), Reply(way="drop"), Reply(500), Reply(503), Reply(502), Reply(200, {"sandbox": True})]
)
def test_an_unknown_outcome_is_never_called_a_failure(provider: StandIn, reply: Reply) -> None:
    with pytest.raises(Ambiguous):
        send(provider, reply)
    assert len(provider.seen) == 1


def hook(body: bytes, key: ec.EllipticCurvePrivateKey = KEY, stamp: str = "1795428000", late_s: int = 1) -> HookRequest:
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(SHA256()))).decode()
    headers = {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": stamp,
    }
    came_at = datetime.fromtimestamp(int(stamp) + late_s, UTC) if stamp.isdecimal() else datetime.now(UTC)
    return HookRequest(HOOK, headers, body, came_at=came_at)


def read(*events: object) -> list[Receipt]:
    return adapter("http://127.0.0.1:9", None, key=public_key()).parse_receipt(hook(json.dumps(events).encode()))


ACCEPTED, DELIVERED = ReceiptState.ACCEPTED, ReceiptState.DELIVERED
UNDELIVERED, FAILED = ReceiptState.UNDELIVERED, ReceiptState.FAILED


@pytest.mark.parametrize(
    ("name", "state", "code", "suppress", "reference"),
    [
        ("test_processed_event", ACCEPTED, "", "", "wrfRRvF7Q0GgwUo2CvDmEA"),
        ("test_deferred_event", ACCEPTED, "", "", "u9Gvi3mzT6iC2poAb58_qQ"),
        ("test_delivered_event", DELIVERED, "", "", "wrfRRvF7Q0GgwUo2CvDmEA"),
        ("test_bounce_event", UNDELIVERED, "5.1.1", "hard-bounce", "Lli-03HcQ5-JLybO9fXsJg"),
        ("test_dropped_invalid_event", FAILED, "invalid", "invalid", ""),
        ("test_dropped_bounced", FAILED, "bounced-address", "hard-bounce", "14c5d75ce93.dfd.64b469"),
        ("test_dropped_unsubscribed_event", FAILED, "unsubscribed-address", "opt-out", ""),
    ],
)
def test_real_events_become_receipts(
    sendgrid_events: dict[str, dict[str, Any]],
    name: str,
    state: ReceiptState,
    code: str,
    suppress: str,
    reference: str,
) -> None:
    event = sendgrid_events[name] | {"tocsin": "7.c0ffee"}
    (receipt,) = read(event)
    assert (receipt.delivery_id, receipt.state, receipt.code) == (7, state, code)
    assert (receipt.proof, receipt.address) == ("c0ffee", event["email"])
    assert (receipt.suppress, receipt.reference) == (suppress, reference)
    assert receipt.event_key == event["sg_event_id"]


def test_opens_clicks_and_foreign_mail_are_left_out(sendgrid_events: dict[str, dict[str, Any]]) -> None:
    ours = [sendgrid_events[name] | {"tocsin": "7.c0ffee"} for name in ("test_open_event", "test_click_event")]
    foreign = read(*ours, *sendgrid_events.values())  # the fixtures carry no delivery of ours
    assert {(one.delivery_id, one.suppress) for one in foreign} == {
        (None, "hard-bounce"),
        (None, "invalid"),
    }
    odd: list[object] = ["x", "", "7", "7.", "x.c0ffee", ".c0ffee", None, [7], {"7": "c0ffee"}]
    assert read(*({"event": "delivered", "tocsin": one} for one in odd), 5, None) == []
    assert read({"event": "delivered", "delivery": "x"}, {"event": "delivered", "delivery": None}) == []


def test_mail_of_earlier_versions_has_a_number_without_proof() -> None:
    (receipt,) = read({"event": "delivered", "delivery": "7", "email": "a@example.org"})
    assert (receipt.delivery_id, receipt.proof, receipt.address) == (7, "", "a@example.org")


@pytest.mark.parametrize(
    ("label", "event", "state", "code", "suppress", "blame"),
    [
        (
            "mailbox full",
            {"event": "bounce", "type": "bounce", "status": "5.2.2"},
            UNDELIVERED,
            "5.2.2",
            "",
            "provider",
        ),
        ("policy", {"event": "bounce", "type": "blocked", "status": "5.7.1"}, UNDELIVERED, "5.7.1", "", "provider"),
        ("blocked", {"event": "bounce", "type": "blocked", "status": "5.1.1"}, UNDELIVERED, "5.1.1", "", "provider"),
        (
            "status in the words only",
            {"event": "bounce", "type": "bounce", "status": "5.0.0", "reason": "550 5.1.1 <a@example.org> unknown"},
            UNDELIVERED,
            "5.1.1",
            "hard-bounce",
            "recipient",
        ),
        (
            "as SendGrid classes it",
            {"event": "bounce", "type": "bounce", "bounce_classification": "Invalid Address"},
            UNDELIVERED,
            "",
            "hard-bounce",
            "recipient",
        ),
        (
            "complaint before",
            {"event": "dropped", "reason": "Spam Reporting Address"},
            FAILED,
            "spam-reporting-address",
            "complaint",
            "recipient",
        ),
        ("our content", {"event": "dropped", "reason": "Spam Content"}, FAILED, "spam-content", "", "filter"),
        (
            "too much",
            {"event": "dropped", "reason": "Recipient List over Package Quota"},
            FAILED,
            "over-quota",
            "",
            "us",
        ),
        ("a new reason", {"event": "dropped", "reason": "a@example.org is odd"}, FAILED, "dropped", "", "provider"),
        ("complaint", {"event": "spamreport"}, None, "", "complaint", None),
        ("unsubscribed", {"event": "unsubscribe"}, None, "", "opt-out", None),
        ("unsubscribed from a group", {"event": "group_unsubscribe"}, None, "", "opt-out", None),
    ],
)
def test_events_say_what_happens_to_the_address(
    label: str, event: dict[str, str], state: ReceiptState | None, code: str, suppress: str, blame: str | None
) -> None:
    (receipt,) = read(event | {"tocsin": "7.c0ffee", "sg_event_id": "e1"})
    assert (receipt.state, receipt.code, receipt.suppress, receipt.blame) == (state, code, suppress, blame), label


def forgeries() -> list[tuple[str, HookRequest]]:
    body = b'[{"event": "unsubscribe", "tocsin": "7.c0ffee"}]'
    good = hook(body)
    names = list(good.headers)

    def with_signature(text: str) -> HookRequest:
        return HookRequest(HOOK, {**good.headers, names[0]: text}, body)

    return [
        ("another key", hook(body, ec.generate_private_key(ec.SECP256R1()))),
        ("another body", HookRequest(HOOK, good.headers, body + b" ")),
        ("another time", HookRequest(HOOK, {**good.headers, names[1]: "1795428001"}, body)),
        ("no headers", HookRequest(HOOK, {}, body)),
        ("no time", HookRequest(HOOK, {names[0]: good.headers[names[0]]}, body)),
        ("no base64", with_signature("***")),
        ("not ASCII", with_signature("é")),
        ("base64 of nonsense", with_signature("AAAA")),
        ("a cut signature", with_signature(good.headers[names[0]][:-8])),
        ("empty", with_signature("")),
        ("no JSON, unsigned", HookRequest(HOOK, {}, b"\xff")),
    ]


@pytest.mark.parametrize(("label", "request_"), forgeries())
def test_a_forged_webhook_is_refused(label: str, request_: HookRequest) -> None:
    with pytest.raises(BadSignature):
        adapter("http://127.0.0.1:9", None, key=public_key()).parse_receipt(request_)


RSA_KEY = public_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@pytest.mark.parametrize("key", ["", "no key", "AAAA", "é", RSA_KEY])
def test_without_a_usable_public_key_every_webhook_is_refused(key: str) -> None:
    with pytest.raises(BadSignature, match="TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY"):
        adapter("http://127.0.0.1:9", None, key=key).parse_receipt(hook(b"[]"))


@pytest.mark.parametrize("body", [b"{}", b"not JSON", b"\xff", b"[", b'["', b"{" * 3_000 + b"}" * 3_000])
def test_a_signed_body_that_is_no_list_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        adapter("http://127.0.0.1:9", None, key=public_key()).parse_receipt(hook(body))


@pytest.mark.parametrize(("late_s", "believed"), [(-3600, True), (-3601, False), (25 * 3600, True), (90_001, False)])
def test_a_webhook_is_believed_for_as_long_as_sendgrid_tries(late_s: int, believed: bool) -> None:
    """24 hours, and an hour for clocks; after that it is a replay, however well it is signed."""
    reader = adapter("http://127.0.0.1:9", None, key=public_key())
    request = hook(b'[{"event": "delivered", "tocsin": "7.c0ffee"}]', late_s=late_s)
    if believed:
        assert len(reader.parse_receipt(request)) == 1
    else:
        with pytest.raises(BadSignature, match="too long ago"):
            reader.parse_receipt(request)


@pytest.mark.parametrize("stamp", ["", "yesterday", "-1"])
def test_a_signed_time_that_is_none_is_not_believed(stamp: str) -> None:
    with pytest.raises(BadSignature):
        adapter("http://127.0.0.1:9", None, key=public_key()).parse_receipt(hook(b"[]", stamp=stamp))


def test_words_that_begin_like_a_key_are_sent(provider: StandIn) -> None:
    """The library's own Content refuses them."""
    words = "SG.example.gov is closed."
    send(provider, Reply(202, headers={"X-Message-Id": "1"}), MESSAGE._replace(content=CONTENT._replace(text=words)))
    assert json.loads(provider.seen[0].body)["content"][0]["value"] == words


@pytest.mark.parametrize(
    ("label", "odd", "why"),
    [
        ("not UTF-8, and no JSON", b"\xff", "An event is not valid JSON."),
        ("nested deep", b'{"a":' * 3_000 + b"1" + b"}" * 3_000, "An event is nested too deeply."),
        ("nested very deep", b"[" * 1_000_000 + b"]" * 1_000_000, "An event is nested too deeply."),
        ("not JSON, with marks in a string", b'{"a": "\\"],[{", b}', "An event is not valid JSON."),
    ],
)
def test_one_event_that_is_no_event_is_set_aside_alone(label: str, odd: bytes, why: str) -> None:
    before, after = (f'{{"event": "spamreport", "tocsin": "{n}.c0ffee", "x": "],[\\""}}'.encode() for n in (7, 8))
    for body in (b"[%s, %s , %s]" % (before, odd, after), b" [ %s,%s,%s\r\n]\n" % (odd, before, after)):
        heard = adapter("http://127.0.0.1:9", None, key=public_key()).parse_receipt(hook(body))
        assert [one.delivery_id for one in heard] == [7, 8], label
        assert isinstance(heard, Receipts)
        assert heard.unreadable == [why], label


def test_a_byte_that_is_not_utf_8_spoils_nothing_else() -> None:
    body = b'[{"event": "bounce", "tocsin": "7.c0ffee", "type": "bounce", "status": "5.1.1", "reason": "\xe9t\xe9"}]'
    (receipt,) = adapter("http://127.0.0.1:9", None, key=public_key()).parse_receipt(hook(body))
    assert (receipt.delivery_id, receipt.suppress) == (7, "hard-bounce")


def test_a_body_that_is_not_utf_8_needs_its_signature_too() -> None:
    good = hook(b"[\xff]")
    forged = HookRequest(HOOK, good.headers, b"[\xfe]", came_at=good.came_at)
    with pytest.raises(BadSignature):
        adapter("http://127.0.0.1:9", None, key=public_key()).parse_receipt(forged)
