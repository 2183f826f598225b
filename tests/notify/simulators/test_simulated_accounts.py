"""What the simulators show of an account is what the providers' own documents describe."""

import json
from typing import Any

import pytest
from conftest import SPECS, _conforming
from simulator_process import KEY, SID, Simulator, basic

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
