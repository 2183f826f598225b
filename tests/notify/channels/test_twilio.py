"""Twilio's adapter from tables: what it asks for, and what it makes of each answer."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict
from stand_in import PATIENT_S, Reply, StandIn
from twilio.request_validator import RequestValidator

from notify.channels.contract import (
    Accepted,
    Ambiguous,
    Content,
    HookRequest,
    Inbound,
    Message,
    Receipt,
    ReceiptState,
    Recipient,
    SendError,
)
from notify.channels.exchange import LATER_S
from notify.channels.http.connections import Connections
from notify.channels.twilio.adapter import TwilioSms, twiml
from notify.channels.twilio.client import library
from notify.core.errors import BadSignature, Invalid
from tests.api_document import ApiDocument

SID = "AC" + "0" * 32
TOKEN = "a token for tests"
MESSAGES = f"/2010-04-01/Accounts/{SID}/Messages.json"
PATH = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
PHONE, NUMBER, SERVICE = "+12155550123", "+12155550199", "MG" + "0" * 32
WORDS = "Tormenta de nieve & hielo: 50% + viento.\nQuédese en casa €"
CONTENT = Content(alert_id=1, language="es", topic="storm", subject="", text=WORDS, html="")
HOOKS = "https://alerts.example.org/hooks"
CALLBACK = f"{HOOKS}/twilio/status"
CREATED = Reply(201, {"sid": "SM" + "1" * 32, "status": "queued", "error_code": None})
AGO_S = 3600.0  # a lost message was posted so long ago
THERE = {"Date": "Mon, 23 Nov 2026 01:00:10 GMT"}  # what time it is at Twilio


def message(sender: str = NUMBER, valid_for_s: int | None = 3600) -> Message:
    return Message(CONTENT, sender, [Recipient(7, PHONE)], HOOKS, valid_for_s)


def adapter(url: str, client: Connections | None, timeout_s: float = PATIENT_S) -> TwilioSms:
    return TwilioSms(account_sid=SID, auth_token=TOKEN, base_url=url, client=client, timeout_s=timeout_s)


def send(provider: StandIn, reply: Reply, sent: Message | None = None) -> Accepted:
    return provider.ask(adapter, lambda twilio: twilio.send(sent or message()), reply)


@pytest.mark.parametrize(
    ("label", "sent", "expected"),
    [
        ("a number", message(), {"From": NUMBER, "ValidityPeriod": "3600"}),
        ("a service", message(SERVICE), {"MessagingServiceSid": SERVICE, "ValidityPeriod": "3600"}),
        ("no limit", message(valid_for_s=None), {"From": NUMBER}),
        ("longer than Twilio keeps it", message(valid_for_s=90_000), {"From": NUMBER, "ValidityPeriod": "36000"}),
        ("its last second", message(valid_for_s=0), {"From": NUMBER, "ValidityPeriod": "1"}),
    ],
)
def test_request_is_the_one_that_twilio_documents(
    provider: StandIn, twilio_document: ApiDocument, label: str, sent: Message, expected: dict[str, str]
) -> None:
    assert send(provider, CREATED, sent) == Accepted("SM" + "1" * 32), label
    (seen,) = provider.seen
    assert (seen.method, seen.url) == ("POST", MESSAGES)
    assert seen.form == expected | {
        "To": PHONE,
        "Body": WORDS,
        "StatusCallback": f"{CALLBACK}/7",
        "SmartEncoded": "false",
    }
    assert seen.headers["Authorization"] == "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    twilio_document.check_form(PATH, seen.form)


def refused(code: int, status: int = 400) -> Reply:
    return Reply(status, {"code": code, "message": f"{PHONE} cannot be reached", "status": status})


@pytest.mark.parametrize(
    ("label", "reply", "code", "retryable", "blame", "suppress"),
    [
        ("opted out", refused(21610), "21610", False, "recipient", "carrier-block"),
        ("no phone", refused(21211), "21211", False, "recipient", "invalid"),
        ("not mobile", refused(21614), "21614", False, "recipient", "invalid"),
        ("no route", refused(21612), "21612", False, "recipient", ""),
        ("From not ours", refused(21606), "21606", False, "us", ""),
        ("too long", refused(21617), "21617", False, "us", ""),
        ("region forbidden", refused(21408, 403), "21408", False, "us", ""),
        ("credentials", refused(20003, 401), "20003", False, "us", ""),
        ("account", refused(20404, 404), "20404", False, "us", ""),
        ("queue full", refused(21611), "21611", True, "provider", ""),
        ("rate", refused(20429, 429), "20429", True, "provider", ""),
        ("a code of tomorrow", refused(29999), "29999", False, "provider", ""),
        ("a proxy's 400", Reply(400, b"<html>"), "http-400", False, "us", ""),
        ("forbidden by a proxy", Reply(403, b"<html>"), "http-403", False, "us", ""),
        ("a redirect", Reply(307, headers={"Location": "http://127.0.0.1:9/"}), "http-307", False, "us", ""),
        ("overloaded", refused(20503, 503), "20503", True, "provider", ""),
        ("cut refusal", Reply(400, b"{", way="cut"), "http-400", False, "us", ""),
        (
            "failed at once",
            Reply(201, {"sid": "SM1", "status": "failed", "error_code": 30006}),
            "30006",
            False,
            "recipient",
            "invalid",
        ),
    ],
)
def test_refusals_say_who_is_to_blame(
    provider: StandIn, label: str, reply: Reply, code: str, retryable: bool, blame: str, suppress: str
) -> None:
    with pytest.raises(SendError) as caught:
        send(provider, reply)
    error = caught.value
    assert (error.code, error.retryable, error.blame, error.suppress) == (code, retryable, blame, suppress), label
    assert PHONE not in f"{error} {error.detail}"
    assert len(provider.seen) == 1


@pytest.mark.parametrize(
    ("label", "reply"),
    [
        ("hangs", Reply(way="hang")),
        ("hangs up", Reply(way="drop")),
        ("bad gateway", Reply(502, b"")),
        ("an error of Twilio's, perhaps after it was queued", refused(20500, 500)),
        ("a code of tomorrow", refused(20599, 503)),
        ("a gateway that speaks JSON", Reply(503, {"code": 503, "message": "upstream connect error"})),
        ("a gateway's 500", Reply(500, b"")),
        ("a gateway whose connection broke", Reply(503, b"upstream connect error")),
        ("a gateway that was tired of waiting", Reply(408, b"")),
        ("gateway timeout", Reply(504, b"")),
        ("success that is no JSON", Reply(201, b"<html>")),
        ("success without a SID", Reply(201, {"status": "queued"})),
        ("success cut short", Reply(201, b'{"sid": "SM1"', way="cut")),
    ],
)
def test_an_unknown_outcome_is_never_called_a_failure(provider: StandIn, label: str, reply: Reply) -> None:
    started = datetime.now(UTC)
    with pytest.raises(Ambiguous):
        send(provider, reply)
    assert len(provider.seen) == 1, label  # and was not repeated
    assert (datetime.now(UTC) - started).total_seconds() < PATIENT_S


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:30 GMT", "Date": "Mon, 23 Nov 2026 10:00:00 GMT"}, 30.0),
        ({}, LATER_S),
    ],
)
def test_retry_after_is_passed_on(provider: StandIn, headers: dict[str, str], wait_s: float | None) -> None:
    with pytest.raises(SendError) as caught:
        send(provider, Reply(429, {"code": 20429}, headers))
    assert caught.value.retry_after_s == wait_s


def listed(**changes: object) -> dict[str, object]:
    one = {
        "sid": "SMfound",
        "body": WORDS,
        "direction": "outbound-api",
        "date_created": "Mon, 23 Nov 2026 00:00:12 +0000",
        "messaging_service_sid": None,
    }
    return one | changes


def page(*messages: dict[str, object], following: str | None = None) -> Reply:
    return Reply(200, {"messages": list(messages), "next_page_uri": following}, THERE)


@pytest.mark.parametrize(
    ("label", "replies", "found", "requests"),
    [
        ("there", [page(listed())], "SMfound", 1),
        ("a little early", [page(listed(date_created="Sun, 22 Nov 2026 23:59:50 +0000"))], "SMfound", 1),
        ("the page after", [page(listed(body="x"), following=f"{MESSAGES}?Page=1"), page(listed())], "SMfound", 2),
        ("not by date, as it is queued", [page(), page(listed())], "SMfound", 2),
        ("without a date", [page(listed(date_created=None))], "SMfound", 1),
        ("other words", [page(listed(body="x"))], None, 2),
        ("an earlier alert", [page(listed(date_created="Sun, 22 Nov 2026 23:00:00 +0000"))], None, 2),
        ("the resident's own", [page(listed(direction="inbound"))], None, 2),
        ("nothing", [page()], None, 2),
    ],
)
def test_a_lost_message_is_found_by_number_time_and_words(
    provider: StandIn,
    twilio_document: ApiDocument,
    label: str,
    replies: Sequence[Reply],
    found: str | None,
    requests: int,
) -> None:
    day = datetime.now(UTC) - timedelta(seconds=AGO_S + 30)
    answer = provider.ask(adapter, lambda twilio: twilio.find(message(), time.monotonic() - AGO_S), *replies)
    assert answer == (Accepted(found) if found else None), label
    assert len(provider.seen) == requests
    first = provider.seen[0]
    assert first.method == "GET"
    assert first.query == {"To": PHONE, "From": NUMBER, "DateSent>": f"{day:%Y-%m-%d}", "PageSize": "50"}
    twilio_document.check_query(PATH, first.query)


def test_a_lost_message_of_a_service_is_looked_up_without_from(provider: StandIn) -> None:
    replies = page(listed(messaging_service_sid="MGother")), page(listed(messaging_service_sid=SERVICE))
    answer = provider.ask(adapter, lambda twilio: twilio.find(message(SERVICE), time.monotonic() - AGO_S), *replies)
    assert answer == Accepted("SMfound")
    assert "From" not in provider.seen[0].query


@pytest.mark.parametrize(
    "reply", [Reply(way="hang"), Reply(502), Reply(500), Reply(200, b"<html>"), refused(20003, 401), Reply(200, [])]
)
def test_a_lookup_without_an_answer_is_not_a_no(provider: StandIn, reply: Reply) -> None:
    with pytest.raises(SendError):
        provider.ask(adapter, lambda twilio: twilio.find(message(), time.monotonic() - AGO_S), reply)


def signed(url: str, form: Sequence[tuple[str, str]], token: str = TOKEN) -> HookRequest:
    """As Twilio documents it: the URL, then each field's name and value, sorted by name."""
    text = url + "".join(name + value for name, value in sorted(form))
    signature = base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()
    return HookRequest(url, {"x-twilio-signature": signature}, urlencode(form).encode())


def status_form(status: str, code: str = "") -> list[tuple[str, str]]:
    form = [("MessageSid", "SM5"), ("MessageStatus", status), ("To", PHONE), ("Blank", "")]
    return [*form, ("ErrorCode", code)] if code else form


@pytest.fixture
def reader() -> TwilioSms:
    return adapter("http://127.0.0.1:9", None)


@pytest.mark.parametrize(
    ("status", "code", "state", "suppress", "blame"),
    [
        ("queued", "", ReceiptState.ACCEPTED, "", None),
        ("sending", "", ReceiptState.ACCEPTED, "", None),
        ("sent", "", ReceiptState.ACCEPTED, "", None),
        ("accepted", "", ReceiptState.ACCEPTED, "", None),
        ("delivered", "", ReceiptState.DELIVERED, "", None),
        ("read", "", ReceiptState.DELIVERED, "", None),
        ("canceled", "", ReceiptState.FAILED, "", None),
        ("undelivered", "30003", ReceiptState.UNDELIVERED, "", "provider"),
        ("undelivered", "30005", ReceiptState.UNDELIVERED, "invalid", "recipient"),
        ("undelivered", "30006", ReceiptState.UNDELIVERED, "invalid", "recipient"),
        ("undelivered", "30004", ReceiptState.UNDELIVERED, "", "recipient"),
        ("failed", "21610", ReceiptState.FAILED, "carrier-block", "recipient"),
        ("undelivered", "30007", ReceiptState.UNDELIVERED, "", "filter"),
        ("undelivered", "30034", ReceiptState.UNDELIVERED, "", "us"),
        ("failed", "39999", ReceiptState.FAILED, "", "provider"),
    ],
)
def test_status_callbacks_become_receipts(
    reader: TwilioSms, status: str, code: str, state: ReceiptState, suppress: str, blame: str | None
) -> None:
    (receipt,) = reader.parse_receipt(signed(f"{CALLBACK}/7", status_form(status, code)))
    whose = PHONE if code else ""  # who may have to be suppressed is the number that Twilio names
    expected = Receipt(7, state, code, "SM5", f"SM5:{status}", suppress, blame, whose)  # type: ignore[arg-type]  # text
    assert receipt == expected


@pytest.mark.parametrize(
    ("url", "status"), [(CALLBACK, "sent"), (f"{CALLBACK}/x", "sent"), (f"{CALLBACK}/7", "partially_delivered")]
)
def test_signed_news_that_is_not_about_a_delivery_is_left_out(reader: TwilioSms, url: str, status: str) -> None:
    assert reader.parse_receipt(signed(url, status_form(status))) == []


def forgeries() -> list[tuple[str, HookRequest]]:
    form = status_form("failed", "21610")
    good = signed(f"{CALLBACK}/7", form)

    def changed(form: Sequence[tuple[str, str]]) -> HookRequest:
        return HookRequest(good.url, good.headers, urlencode(form).encode())

    return [
        ("wrong token", signed(good.url, form, "another token")),
        ("empty token", signed(good.url, form, "")),
        ("missing", HookRequest(good.url, {}, good.body)),
        ("malformed", HookRequest(good.url, {"x-twilio-signature": "é\x00"}, good.body)),
        ("another delivery", HookRequest(f"{CALLBACK}/8", good.headers, good.body)),
        ("a field more", changed([*form, ("X", "1")])),
        ("a blank field dropped", changed([pair for pair in form if pair[1]])),
        ("a field twice", changed([*form, ("MessageSid", "SM6")])),
    ]


@pytest.mark.parametrize(("label", "request_"), forgeries())
def test_a_forged_webhook_is_refused(reader: TwilioSms, label: str, request_: HookRequest) -> None:
    for parse in (reader.parse_receipt, reader.parse_inbound):
        with pytest.raises(BadSignature):
            parse(request_)


@settings(max_examples=200)
@given(
    form=st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=12),
    host=st.sampled_from(["alerts.example.org", "alerts.example.org:443", "127.0.0.1:8100"]),
    signed_host=st.sampled_from(["alerts.example.org", "alerts.example.org:443", "127.0.0.1:8100", "127.0.0.1"]),
    token=st.sampled_from([TOKEN, "another token"]),
)
def test_signatures_are_judged_as_twilios_own_validator_does(
    form: list[tuple[str, str]], host: str, signed_host: str, token: str
) -> None:
    body = urlencode(form, errors="replace").encode()
    fields = MultiDict(parse_qsl(body.decode(), keep_blank_values=True))
    signature = RequestValidator(token).compute_signature(f"https://{signed_host}/hooks/twilio/status/7", fields)
    url = f"https://{host}/hooks/twilio/status/7"
    request = HookRequest(url, {"x-twilio-signature": signature}, body)
    if RequestValidator(TOKEN).validate(url, fields, signature):
        adapter("http://127.0.0.1:9", None).parse_receipt(request)
    else:
        with pytest.raises(BadSignature):
            adapter("http://127.0.0.1:9", None).parse_receipt(request)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["%", "%c3", "%a9", "%00", "+", "=", "&", "é", "€", "a", "F0"])).map("".join))
def test_a_form_is_read_as_parse_qsl_reads_it(form: str) -> None:
    pairs = parse_qsl(form, keep_blank_values=True)
    fields = "".join(name + value for name, value in sorted(set(pairs)))
    signature = RequestValidator(TOKEN).compute_signature(CALLBACK + fields, {})
    adapter("http://127.0.0.1:9", None).parse_receipt(
        HookRequest(CALLBACK, {"x-twilio-signature": signature}, form.encode())
    )


@pytest.mark.parametrize(("fields", "refused"), [(200, False), (201, True), (30_000, True)])
def test_more_fields_than_twilio_sends_are_refused_before_they_are_read(
    reader: TwilioSms, fields: int, refused: bool
) -> None:
    form = [("MessageSid", "SM5"), ("MessageStatus", "sent"), *((f"F{n}", "1") for n in range(fields - 2))]
    request = signed(f"{CALLBACK}/7", form)
    if refused:
        with pytest.raises(BadSignature, match="200 fields"):
            reader.parse_receipt(request)
    else:
        assert len(reader.parse_receipt(request)) == 1


def test_without_a_token_no_webhook_is_believed() -> None:
    tokenless = TwilioSms(account_sid=SID, auth_token="", base_url="http://127.0.0.1:9", client=None, timeout_s=1)
    with pytest.raises(BadSignature):
        tokenless.parse_receipt(signed(f"{CALLBACK}/7", status_form("sent"), token=""))


def test_a_reply_is_read(reader: TwilioSms) -> None:
    url = "https://alerts.example.org/hooks/twilio/inbound"
    form = [("MessageSid", "SM9"), ("From", PHONE), ("To", NUMBER), ("Body", "Stop, please"), ("OptOutType", "stop")]
    assert reader.parse_inbound(signed(url, form)) == Inbound(PHONE, NUMBER, "Stop, please", "SM9", "STOP")
    with pytest.raises(Invalid):
        reader.parse_inbound(signed(url, [("Body", "hello")]))


def test_a_reply_to_a_resident_is_escaped() -> None:
    assert "<Message>Snow &amp; ice &lt;now&gt;</Message>" in twiml("Snow & ice <now>")
    assert "Message" not in twiml(None)


@pytest.mark.parametrize("is_async", [True, False])
def test_the_library_only_reads(is_async: bool) -> None:
    twilio = library(SID, TOKEN, "http://127.0.0.1:9", lambda _: pytest.fail("it was posted"), is_async=is_async)
    assert twilio.messaging.base_url == twilio.api.base_url == "http://127.0.0.1:9"
    words = {"to": "+12155550100", "from_": "+12155550101", "body": "x"}

    def post() -> None:
        asyncio.run(twilio.messages.create_async(**words)) if is_async else twilio.messages.create(**words)

    with pytest.raises(RuntimeError, match="POST is not allowed"):
        post()
