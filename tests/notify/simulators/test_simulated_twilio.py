"""The simulated Twilio Messages, held against Twilio's own document and its own validator."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import jsonschema
import pytest
from simulator_process import SID, TOKEN, Hook, Hooks, Simulator, basic, until
from twilio.request_validator import RequestValidator

PHONE = "+12155550101"
SERVICE = "MG" + "0a" * 16
# Twilio's document does not describe its errors; https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions
ERROR = {
    "type": "object",
    "required": ["code", "message", "more_info", "status"],
    "additionalProperties": False,
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string", "minLength": 1},
        "more_info": {"type": "string", "pattern": "^https://www.twilio.com/docs/errors/[0-9]+$"},
        "status": {"type": "integer"},
    },
}


def test_a_created_message_is_twilios_message_resource(
    simulator: Simulator, twilio_conforms: Callable[[httpx.Response], None]
) -> None:
    answer = simulator.text(body="Go indoors now.")
    twilio_conforms(answer)
    message = answer.json()
    assert answer.status_code == 201
    assert (message["status"], message["direction"], message["date_sent"]) == ("queued", "outbound-api", None)
    assert (message["to"], message["from"], message["body"]) == (PHONE, "+12155550100", "Go indoors now.")
    assert set(message) == {
        *("account_sid", "api_version", "body", "date_created", "date_sent", "date_updated", "direction"),
        *("error_code", "error_message", "from", "messaging_service_sid", "num_media", "num_segments", "price"),
        *("price_unit", "sid", "status", "subresource_uris", "to", "uri"),
    }


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("\u20ac" * 80, 1),
        ("\u20ac" * 81, 2),
        ("a" * 152 + "\u20ac" + "a" * 152, 3),  # the euro does not fit into the first part
        ("\u00e1" * 70, 1),
        ("\u00e1" * 71, 2),
        ("\u00f1" * 160, 1),
        ("\U0001f514" * 35, 1),
        ("\U0001f514" * 36, 2),
    ],
)
def test_segments_are_counted_as_twilio_bills_them(simulator: Simulator, body: str, segments: int) -> None:
    assert simulator.text(body=body).json()["num_segments"] == str(segments)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"To": ""}, 400, 21604),
        ({"To": "5551234"}, 400, 21211),
        ({"To": "+1215555010"}, 400, 21211),
        ({"From": ""}, 400, 21603),
        ({"From": "not a sender!"}, 400, 21212),
        ({"From": PHONE}, 400, 21266),
        ({"MessagingServiceSid": "MG1"}, 400, 21703),
        ({"Body": ""}, 400, 21602),
        ({"Body": "a" * 1601}, 400, 21617),
        ({"StatusCallback": "localhost/x"}, 400, 21609),
        ({"ValidityPeriod": "36001"}, 400, 21624),
    ],
)
def test_a_request_that_twilio_would_refuse_is_refused(
    simulator: Simulator, change: dict[str, str], status: int, code: int
) -> None:
    form = {"To": PHONE, "From": "+12155550100", "Body": "Hello"} | change
    answer = simulator.http.post(simulator.messages(), data=form, headers=basic())
    jsonschema.validate(answer.json(), ERROR)
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (status, status, code)
    assert simulator.accepted() == []


def test_wrong_credentials_are_refused_and_logged_without_being_kept(simulator: Simulator) -> None:
    answer = simulator.http.post(simulator.messages(), data={"To": PHONE}, auth=(SID, "guess"))
    jsonschema.validate(answer.json(), ERROR)
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    (logged,) = simulator.http.get("/_sim/requests").json()
    assert (logged["status"], logged["body"]) == (401, "To=%2B12155550101")
    assert "authorization" not in logged["headers"]


def test_a_message_is_fetched_and_an_unknown_one_is_not_found(
    simulator: Simulator, twilio_conforms: Callable[[httpx.Response], None]
) -> None:
    sid = simulator.text().json()["sid"]
    found = simulator.http.get(simulator.messages(f"/{sid}.json"), headers=basic())
    twilio_conforms(found)
    assert found.json()["sid"] == sid
    missing = simulator.http.get(simulator.messages(f"/SM{'0' * 32}.json"), headers=basic())
    assert (missing.status_code, missing.json()["code"]) == (404, 20404)


def test_messages_are_listed_by_number_and_date_in_pages(
    simulator: Simulator, twilio_conforms: Callable[[httpx.Response], None]
) -> None:
    for number in range(5):
        simulator.text(body=f"Number {number}")
    simulator.text(to="+12155550199")
    today = datetime.now(UTC).date()
    query = {"To": PHONE, "DateSent>": str(today), "PageSize": "2"}
    page = simulator.http.get(simulator.messages(), params=query, headers=basic())
    twilio_conforms(page)
    simulator.text(body="Meanwhile")  # must not move the next page
    found = [message["body"] for message in page.json()["messages"]]
    while page.json()["next_page_uri"]:
        page = simulator.http.get(page.json()["next_page_uri"], headers=basic())
        twilio_conforms(page)
        found += [message["body"] for message in page.json()["messages"]]
    assert found == [f"Number {number}" for number in (4, 3, 2, 1, 0)]

    tomorrow = {"To": PHONE, "DateSent>": str(today + timedelta(days=1))}
    assert simulator.http.get(simulator.messages(), params=tomorrow, headers=basic()).json()["messages"] == []
    before = {"To": PHONE, "DateSent<": str(today - timedelta(days=1))}
    assert simulator.http.get(simulator.messages(), params=before, headers=basic()).json()["messages"] == []


def test_callbacks_are_signed_and_tell_sent_and_then_delivered(simulator: Simulator, hooks: Hooks) -> None:
    url = f"{hooks.url}/status/17?x=1"
    sid = simulator.text(StatusCallback=url).json()["sid"]
    simulator.settle()
    told = hooks.at("/status/17?x=1")
    assert [hook.form["MessageStatus"] for hook in told] == ["sent", "delivered"]
    for hook in told:
        assert signed_by_twilio(hook)
        form = hook.form
        assert (form["MessageSid"], form["SmsSid"], form["AccountSid"]) == (sid, sid, SID)
        assert (form["To"], form["From"], form["ApiVersion"]) == (PHONE, "+12155550100", "2010-04-01")
        assert form["SmsStatus"] == form["MessageStatus"]
        assert "ErrorCode" not in form
    fetched = simulator.http.get(simulator.messages(f"/{sid}.json"), headers=basic()).json()
    assert fetched["status"] == "delivered"
    assert fetched["date_sent"]


def test_a_messaging_service_assigns_a_number_later(
    simulator: Simulator, hooks: Hooks, twilio_conforms: Callable[[httpx.Response], None]
) -> None:
    answer = simulator.http.post(
        simulator.messages(),
        data={"To": PHONE, "MessagingServiceSid": SERVICE, "Body": "Hello", "StatusCallback": f"{hooks.url}/status/2"},
        headers=basic(),
    )
    twilio_conforms(answer)
    assert (answer.json()["status"], answer.json()["from"], answer.json()["num_segments"]) == ("accepted", None, "0")
    simulator.settle()
    assert [hook.form["MessageStatus"] for hook in hooks.at("/status/2")] == ["queued", "sent", "delivered"]


def test_a_number_can_be_lost_or_refused(simulator: Simulator, hooks: Hooks) -> None:
    lost = {"status": "undelivered", "error_code": 30005}
    simulator.behave(twilio={"numbers": {PHONE: lost, "+12155550102": 21614}})
    assert simulator.text(StatusCallback=f"{hooks.url}/status/1").status_code == 201
    refused = simulator.text(to="+12155550102")
    jsonschema.validate(refused.json(), ERROR)
    assert (refused.status_code, refused.json()["code"]) == (400, 21614)
    simulator.settle()
    last = hooks.at("/status/1")[-1]
    assert (last.form["MessageStatus"], last.form["ErrorCode"]) == ("undelivered", "30005")
    assert signed_by_twilio(last)


def test_callbacks_come_out_of_order_and_twice_when_told_so(simulator: Simulator, hooks: Hooks) -> None:
    simulator.behave(twilio={"callbacks": {"out_of_order": 1, "repeats": 1}})
    simulator.text(StatusCallback=f"{hooks.url}/status/1")
    simulator.settle()
    statuses = [hook.form["MessageStatus"] for hook in hooks.at("/status/1")]
    assert statuses[0] == "delivered"
    assert sorted(statuses) == ["delivered", "delivered", "sent"]


def test_a_callback_that_failed_is_told_again_with_the_same_token(simulator: Simulator, hooks: Hooks) -> None:
    simulator.behave(twilio={"numbers": {PHONE: {"status": "failed", "error_code": 30008}}})
    hooks.answers += [(500, "not now")]
    simulator.text(StatusCallback=f"{hooks.url}/status/1")
    simulator.settle()
    first, second = hooks.at("/status/1")
    assert first.form == second.form
    assert first.headers["i-twilio-idempotency-token"] == second.headers["i-twilio-idempotency-token"]


def test_stop_blocks_and_start_unblocks(simulator: Simulator, hooks: Hooks) -> None:
    simulator.text()
    stopped = simulator.reply(PHONE, " stop ")
    assert "unsubscribed" in stopped["replies"][0]
    refused = simulator.text()
    jsonschema.validate(refused.json(), ERROR)
    assert (refused.status_code, refused.json()["code"]) == (400, 21610)
    assert simulator.reply(PHONE, "STOP")["replies"] == []
    assert simulator.text(to="+12155550102").status_code == 201
    assert "re-subscribed" in simulator.reply(PHONE, "Unstop")["replies"][0]
    assert simulator.text().status_code == 201
    assert [hook.form["Body"] for hook in hooks.at("/inbound")] == [" stop ", "STOP", "Unstop"]
    conversation = simulator.http.get(f"/_sim/phones/{PHONE}").json()["conversation"]
    assert [text["direction"] for text in conversation][:3] == ["outbound-api", "inbound", "outbound-reply"]


def test_a_reply_is_posted_signed_and_our_words_come_back(simulator: Simulator, hooks: Hooks) -> None:
    simulator.text()
    hooks.answers += [(200, "<Response><Message>Call <Body>311.</Body></Message><Message>Bye</Message></Response>")]
    answered = simulator.reply(PHONE, "Please stop this")
    assert answered["replies"] == ["Call 311.", "Bye"]
    assert answered["webhook_status"] == 200
    (hook,) = hooks.at("/inbound")
    assert signed_by_twilio(hook)
    assert hook.form["MessageSid"] == answered["sid"]
    assert (hook.form["From"], hook.form["To"], hook.form["Body"]) == (PHONE, "+12155550100", "Please stop this")
    assert (hook.form["NumMedia"], hook.form["FromCity"]) == ("0", "")
    assert "OptOutType" not in hook.form
    assert simulator.text().status_code == 201, "only the exact keyword blocks"


def test_advanced_opt_out_says_what_twilio_did(simulator: Simulator, hooks: Hooks) -> None:
    simulator.behave(twilio={"advanced_opt_out": True})
    simulator.text()
    for words in ("QUIT", "yes", "Info", "hello"):
        simulator.reply(PHONE, words)
    assert [hook.form.get("OptOutType") for hook in hooks.at("/inbound")] == ["STOP", "START", "HELP", None]


def test_a_phone_that_nobody_wrote_to_must_say_where_it_writes(simulator: Simulator, hooks: Hooks) -> None:
    answer = simulator.http.post(f"/_sim/phones/{PHONE}/reply", json={"text": "JOIN"})
    assert (answer.status_code, "Give the number to write to" in answer.json()["error"]) == (409, True)
    simulator.reply(PHONE, "JOIN", to="+12155550100")
    assert [hook.form["To"] for hook in hooks.at("/inbound")] == ["+12155550100"]


def test_a_single_fault_meets_one_request(simulator: Simulator) -> None:
    simulator.behave(twilio={"next_errors": [{"status": 429, "code": 20429, "retry_after": 2}, {"status": 503}]})
    busy, down, fine = simulator.text(), simulator.text(), simulator.text()
    jsonschema.validate(busy.json(), ERROR)
    assert (busy.status_code, busy.json()["code"], busy.headers["retry-after"]) == (429, 20429, "2")
    assert down.status_code == 503
    assert fine.status_code == 201
    assert simulator.stats()["twilio"]["refused"] == 2


def test_an_error_rate_of_one_meets_every_request(simulator: Simulator) -> None:
    simulator.behave(twilio={"error_rate": {"status": 500, "rate": 1}})
    assert [simulator.text().status_code for _ in range(3)] == [500, 500, 500]
    assert simulator.accepted() == []


def test_accept_then_hang_takes_the_message_and_never_answers(simulator: Simulator) -> None:
    simulator.behave(twilio={"next_errors": [{"accept_then_hang_s": 30}, {"hang_s": 30}]})
    for body in ("taken", "not taken"):
        with pytest.raises(httpx.ReadTimeout):
            simulator.http.post(
                simulator.messages(),
                data={"To": PHONE, "From": "73911", "Body": body},
                headers=basic(),
                timeout=httpx.Timeout(10, read=1),
            )
    assert [message["body"] for message in simulator.accepted()] == ["taken"]
    listed = simulator.http.get(simulator.messages(), params={"To": PHONE}, headers=basic()).json()
    assert [message["body"] for message in listed["messages"]] == ["taken"]


def test_a_message_may_be_taken_although_the_answer_is_an_error(simulator: Simulator) -> None:
    faults = [{"status": 500, "taken": True}, {"status": 503, "taken": True, "bare": True}]
    simulator.behave(twilio={"next_errors": faults})
    ours, gateways = simulator.text(), simulator.text()
    assert (ours.status_code, ours.json()["code"]) == (500, 20500)
    assert (gateways.status_code, gateways.headers["content-type"]) == (503, "text/plain; charset=utf-8")
    assert len(simulator.accepted()) == 2


def test_a_gateway_may_refuse_in_its_own_words(simulator: Simulator) -> None:
    simulator.behave(twilio={"next_errors": [{"status": 503, "bare": True, "retry_after": 2}]})
    answer = simulator.text()
    assert (answer.status_code, answer.text) == (503, "upstream connect error")
    assert answer.headers["retry-after"] == "2"
    assert simulator.accepted() == []


def test_who_is_refused_anyway_hears_why(simulator: Simulator) -> None:
    simulator.behave(twilio={"numbers": {PHONE: 21614}, "next_errors": [{"status": 500, "taken": True}]})
    assert simulator.text().json()["code"] == 21614


@pytest.mark.parametrize("fault", [{"reset": True}, {"hang_s": 0.1}, {"accept_then_hang_s": 0.1}])
def test_a_connection_is_dropped_without_an_answer(simulator: Simulator, fault: dict[str, object]) -> None:
    simulator.behave(twilio={"next_errors": [fault]})
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        simulator.text()
    until(lambda: len(simulator.http.get("/_sim/requests").json()) == 1)
    assert len(simulator.accepted()) == ("accept_then_hang_s" in fault)


def test_latency_is_waited(simulator: Simulator) -> None:
    simulator.behave(twilio={"latency_ms": 200})
    before = time.monotonic()
    simulator.text()
    assert time.monotonic() - before >= 0.2


def signed_by_twilio(hook: Hook) -> bool:
    signature = hook.headers["x-twilio-signature"]
    return bool(RequestValidator(TOKEN).validate(hook.url, hook.form, signature))


def test_a_stop_is_about_one_number_and_an_answer_may_come_from_another(simulator: Simulator, hooks: Hooks) -> None:
    other = "+12155550160"
    simulator.text()
    simulator.text(From=other)
    simulator.reply(PHONE, "STOP", to="+12155550100")
    assert simulator.text().json()["code"] == 21610
    assert simulator.text(From=other).status_code == 201
    hooks.answers += [(200, "<Response><Message>here</Message></Response>")]
    assert simulator.reply(PHONE, "hello", to="+12155550100")["replies"] == []
    hooks.answers += [(200, f'<Response><Message from="{other}">there</Message></Response>')]
    assert simulator.reply(PHONE, "hello", to="+12155550100")["replies"] == ["there"]
    conversation = simulator.http.get(f"/_sim/phones/{PHONE}").json()["conversation"]
    assert (conversation[-1]["body"], conversation[-1]["from"]) == ("there", other)


def test_the_carriers_of_toll_free_numbers_do_not_know_yes(simulator: Simulator, hooks: Hooks) -> None:
    toll_free = "+18005550100"
    for words, taken in (("STOP", 400), ("YES", 400), ("START", 201)):
        simulator.reply(PHONE, words, to=toll_free)
        assert simulator.text(From=toll_free).status_code == taken
