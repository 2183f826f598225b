"""What the simulators show of an account is what the providers' own documents describe."""

import json
from typing import Any

import pytest
from conftest import SPECS, _conforming
from pydantic import SecretStr
from simulator_process import KEY, SID, TOKEN, Simulator, basic

from notify.channels.findings import Finding, State
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.outbound import Outbound
from notify.channels.twilio import account as twilio_account
from notify.core.settings import Settings

ROOT = f"/2010-04-01/Accounts/{SID}"
LISTS = ("IncomingPhoneNumbers.json?PhoneNumber=%2B12155550100", "SMS/ShortCodes.json?ShortCode=12345")


def _document(name: str) -> Any:
    if not (SPECS / name).exists():
        pytest.skip("../shared/data is absent")
    return json.loads((SPECS / name).read_text())


@pytest.mark.parametrize("rest", [".json", *(f"/{one}" for one in LISTS), f"/{LISTS[0]}&PageSize=20"])
def test_the_account_and_its_numbers_are_as_twilio_documents_them(rest: str, simulator: Simulator) -> None:
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


@pytest.mark.parametrize("path", ["/v3/scopes", "/v3/whitelabel/domains", "/v3/user/webhooks/event/settings/all"])
def test_the_sendgrid_account_wants_its_key(path: str, simulator: Simulator) -> None:
    assert simulator.http.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401


SERVICE, SHORT_CODE = "MG" + "a" * 32, "24639"


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
    simulator.behave(twilio={"inbound_url": "https://alerts.example.org/hooks/twilio/inbound"})
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


@pytest.mark.parametrize("sender", [SERVICE, SHORT_CODE])
def test_replies_that_go_elsewhere_are_red(sender: str, simulator: Simulator) -> None:
    assert account(simulator, **{sender: 1.0})[f"twilio: {sender}, replies"].state is State.RED


def test_a_rate_above_the_usual_is_said(simulator: Simulator) -> None:
    assert account(simulator, **{SHORT_CODE: 400.0})[f"twilio: {SHORT_CODE}, rate"].state is State.YELLOW
