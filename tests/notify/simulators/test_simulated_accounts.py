"""What the simulators show of an account is what the providers' own documents describe."""

import json
from typing import Any

import pytest
from conftest import SPECS, _conforming
from pydantic import SecretStr
from simulator_process import KEY, SID, TOKEN, Simulator, basic

from notify.channels.findings import Finding, State
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.client import Answer, Endpoint
from notify.channels.http.outbound import Outbound
from notify.channels.sendgrid import account as sendgrid_account
from notify.channels.twilio import account as twilio_account
from notify.core.settings import Settings
from notify.simulators.twilio_account import SERVICE_CODE, SERVICE_NUMBER

ROOT = f"/2010-04-01/Accounts/{SID}"
LISTS = ("IncomingPhoneNumbers.json?PhoneNumber=%2B12155550100", "SMS/ShortCodes.json?ShortCode=12345")


def _document(name: str) -> Any:
    if not (SPECS / name).exists():
        pytest.skip("../shared/data is absent")
    return json.loads((SPECS / name).read_text())


@pytest.mark.parametrize("application", [None, "AP" + "0" * 32])
@pytest.mark.parametrize("rest", [".json", *(f"/{one}" for one in LISTS), f"/{LISTS[0]}&PageSize=20"])
def test_the_account_and_its_numbers_are_as_twilio_documents_them(
    rest: str, application: str | None, simulator: Simulator
) -> None:
    simulator.behave(twilio={"inbound_method": "GET", "inbound_application": application})
    document = _document("twilio_api_v2010.json")
    ending = ("/Accounts/{Sid}.json", "/IncomingPhoneNumbers.json", "/SMS/ShortCodes.json")
    document["paths"] = {path: parts for path, parts in document["paths"].items() if path.endswith(ending)}
    answer = simulator.http.get(f"{ROOT}{rest}", headers=basic())
    assert answer.status_code == 200
    _conforming(document, "https://api.twilio.com")(answer)


def test_a_number_of_others_is_not_listed(simulator: Simulator) -> None:
    simulator.behave(twilio={"foreign": ["+12155550100"]})
    answer = simulator.http.get(f"{ROOT}/{LISTS[0]}", headers=basic())
    assert answer.json()["incoming_phone_numbers"] == []


def test_the_event_webhook_is_as_sendgrid_documents_it(simulator: Simulator) -> None:
    path = "/v3/user/webhooks/event/settings/all"
    answer = simulator.http.get(path, headers={"Authorization": f"Bearer {KEY}"})
    (webhook,) = answer.json()["webhooks"]
    assert webhook["url"] == f"{simulator.hooks.url}/events"
    assert webhook["public_key"]
    schemas = _document("tsg_webhooks_v3.json")["components"]["schemas"]
    described: dict[str, Any] = {}
    for part in ("BaseResponseProps", "OauthResponseProps", "DateResponseProps", "SignedResponseProp"):
        described |= schemas.get(f"EventWebhook{part}", {}).get("properties", {})
    assert webhook.keys() - {"id", "friendly_name"} <= described.keys()
    kinds = {"boolean": bool, "string": str}
    for name in webhook.keys() & described.keys():
        if webhook[name] is not None:
            assert isinstance(webhook[name], kinds[described[name]["type"]]), name


@pytest.mark.parametrize("path", ["/v3/whitelabel/domains", "/v3/user/webhooks/event/settings/all"])
def test_a_key_that_may_only_send_mail_reads_nothing_else(path: str, simulator: Simulator) -> None:
    simulator.behave(sendgrid={"scopes": ["mail.send"]})
    assert simulator.http.get(path, headers={"Authorization": f"Bearer {KEY}"}).status_code == 403


@pytest.mark.parametrize("path", ["/v3/scopes", "/v3/whitelabel/domains", "/v3/user/webhooks/event/settings/all"])
def test_the_sendgrid_account_wants_its_key(path: str, simulator: Simulator) -> None:
    assert simulator.http.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401


NUMBER, SERVICE, SHORT_CODE = "+12155550100", "MG" + "a" * 32, "24639"
HOOK = "https://alerts.example.org/hooks/twilio/inbound"


def account(simulator: Simulator, **senders: float) -> dict[str, Finding]:
    """What is found of our senders at the simulated Twilio."""
    chosen = Settings(
        twilio_account_sid=SID,
        twilio_auth_token=SecretStr(TOKEN),
        twilio_base_url=str(simulator.http.base_url),
        public_url="https://alerts.example.org",
    )
    with BlockingClient(Outbound()) as client:
        return {one.subject: one for one in twilio_account.check(chosen, senders, client)}


def test_a_messaging_service_and_a_short_code_are_checked(simulator: Simulator) -> None:
    simulator.behave(twilio={"inbound_url": HOOK})
    found = account(simulator, **{SERVICE: 100.0, SHORT_CODE: 100.0})
    assert {one.state for one in found.values()} == {State.GREEN}
    assert f"twilio: {SERVICE}, replies" in found
    assert f"twilio: {SHORT_CODE}, replies" in found


@pytest.mark.parametrize("sender", [SERVICE, SHORT_CODE])
def test_a_service_or_short_code_of_others_is_red(sender: str, simulator: Simulator) -> None:
    simulator.behave(twilio={"foreign": [sender]})
    assert account(simulator, **{sender: 1.0})[f"twilio: {sender}"].state is State.RED


@pytest.mark.parametrize("sender", ["5555", "+15555", "MG12"])
def test_what_is_no_number_of_twilio_is_red_at_the_simulator_too(sender: str, simulator: Simulator) -> None:
    assert account(simulator, **{sender: 1.0})[f"twilio: {sender}"].state is State.RED


@pytest.mark.parametrize(
    "url",
    [f"{HOOK}/", f"{HOOK}?", HOOK.replace("hooks", "Hooks"), HOOK.replace("https", "http"), "https://[", "", None],
)
@pytest.mark.parametrize("sender", [NUMBER, SERVICE, SHORT_CODE])
def test_replies_that_go_elsewhere_are_red(sender: str, url: str | None, simulator: Simulator) -> None:
    """A slash too many is elsewhere: our routes redirect nobody, so Twilio gets 404."""
    simulator.behave(twilio={"inbound_url": url})
    found = account(simulator, **{sender: 1.0})[f"twilio: {sender}, replies"]
    assert (found.state, "every STOP would be lost" in found.said) == (State.RED, True)


def test_what_is_written_otherwise_and_means_our_webhook_is_green(simulator: Simulator) -> None:
    simulator.behave(twilio={"inbound_url": "HTTPS://Alerts.Example.org:443/hooks/twilio/inbound"})
    assert account(simulator, **{NUMBER: 1.0})[f"twilio: {NUMBER}, replies"].state is State.GREEN


@pytest.mark.parametrize("sender", [NUMBER, SERVICE, SHORT_CODE])
def test_replies_by_get_are_red(sender: str, simulator: Simulator) -> None:
    simulator.behave(twilio={"inbound_url": HOOK, "inbound_method": "GET"})
    found = account(simulator, **{sender: 1.0})[f"twilio: {sender}, replies"]
    assert (found.state, "method for replies is GET; only POST is accepted" in found.said) == (State.RED, True)


def test_replies_to_an_application_are_red(simulator: Simulator) -> None:
    simulator.behave(twilio={"inbound_url": HOOK, "inbound_application": "AP" + "0" * 32})
    found = account(simulator, **{NUMBER: 1.0})[f"twilio: {NUMBER}, replies"]
    assert (found.state, "TwiML application AP00" in found.said) == (State.RED, True)


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ({"inbound_url": HOOK}, State.GREEN),
        ({"inbound_url": f"{HOOK}/"}, State.RED),
        ({"inbound_url": HOOK, "inbound_method": "GET"}, State.RED),
    ],
)
def test_a_service_may_leave_replies_to_each_of_its_numbers(
    shown: dict[str, str], state: State, simulator: Simulator
) -> None:
    simulator.behave(twilio={"inbound_on_number": True} | shown)
    found = account(simulator, **{SERVICE: 1.0})
    for pooled in (SERVICE_NUMBER, SERVICE_CODE):
        assert found[f"twilio: {SERVICE}, {pooled}, replies"].state is state
    assert f"twilio: {SERVICE}, replies" not in found


def test_a_number_that_cannot_send_texts_is_red(simulator: Simulator) -> None:
    simulator.behave(twilio={"sms_capable": False})
    found = account(simulator, **{NUMBER: 1.0})[f"twilio: {NUMBER}"]
    assert (found.state, "cannot send texts" in found.said) == (State.RED, True)


def test_a_rate_above_the_usual_is_said(simulator: Simulator) -> None:
    assert account(simulator, **{SHORT_CODE: 400.0})[f"twilio: {SHORT_CODE}, rate"].state is State.YELLOW


EVENTS = "https://alerts.example.org/hooks/sendgrid/events"


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({}, "is not signed"),  # and the address is right
        ({"events_url": f"{EVENTS}/"}, "No enabled event webhook posts to"),
        ({"events_url": EVENTS.upper()}, "No enabled event webhook posts to"),
        ({"events_enabled": False}, "No enabled event webhook posts to"),
        ({"scopes": ["mail.send"]}, "cannot be seen with this API key"),
    ],
)
def test_an_event_webhook_that_is_not_ours_is_said(shown: dict[str, Any], said: str, simulator: Simulator) -> None:
    simulator.behave(sendgrid={"events_url": EVENTS, "signed": False} | shown)
    found = {one.subject: one for one in events(simulator)}["sendgrid: event webhook"]
    assert said in found.said


@pytest.mark.parametrize(("status", "state"), [(401, State.YELLOW), (403, State.YELLOW), (500, State.RED)])
def test_only_a_key_that_may_not_look_is_yellow(status: int, state: State, simulator: Simulator) -> None:
    class Failing(BlockingClient):
        def ask(self, endpoint: Endpoint, body: bytes | None, timeout_s: float) -> Answer:
            answer = super().ask(endpoint, body, timeout_s)
            return answer._replace(status=status) if str(endpoint.url).endswith(("/domains", "/all")) else answer

    found = {one.subject: one.state for one in events(simulator, Failing(Outbound()))}
    assert (found["sendgrid: domains"], found["sendgrid: event webhook"]) == (state, state)


def events(simulator: Simulator, blocking: BlockingClient | None = None) -> list[Finding]:
    """What is found at the simulated SendGrid."""
    chosen = Settings(
        sendgrid_api_key=SecretStr(KEY),
        sendgrid_base_url=str(simulator.http.base_url),
        public_url="https://alerts.example.org",
    )
    with blocking or BlockingClient(Outbound()) as client:
        return list(sendgrid_account.check(chosen, {"alerts@example.org": 1.0}, client))
