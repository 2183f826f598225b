"""What leaves for a provider is what the provider's own OpenAPI document describes."""

import json
from functools import cache
from urllib.parse import parse_qsl

import pytest

from tests.acceptance.city import SHARED, City
from tests.api_document import ApiDocument

TWILIO_PATH = "/2010-04-01/Accounts/{AccountSid}/Messages.json"


def test_requests_of_a_whole_alert_validate(city: City) -> None:
    block = city.block(phones=4, emails=4)
    began = city.sim("/_sim/requests?limit=1000000")[-1:]
    # One message of unknown outcome and no callback to clear it up, so that a lookup is among the requests.
    city.behave(twilio={"next_errors": [{"accept_then_hang_s": 8}], "callbacks": {"enabled": False}})
    city.until_over(city.launch(city.approved(block.zone, channels=("sms", "email", "social"))), 90)
    after = began[0]["order"] if began else 0
    requests = [r for r in city.sim("/_sim/requests?limit=1000000") if r["order"] > after]
    twilio, sendgrid = document("twilio_api_v2010.json"), document("tsg_mail_v3.json")
    kinds = []
    for request in requests:
        kinds.append((request["provider"], request["method"]))
        if kinds[-1] == ("twilio", "POST"):
            twilio.check_form(TWILIO_PATH, dict(parse_qsl(request["body"], keep_blank_values=True)))
        elif kinds[-1] == ("twilio", "GET"):
            twilio.check_query(TWILIO_PATH, dict(parse_qsl(request["query"])))
        elif kinds[-1] == ("sendgrid", "POST"):
            sendgrid.check_body("/v3/mail/send", "application/json", json.loads(request["body"]))
    assert kinds.count(("twilio", "POST")) == 4
    assert {("twilio", "GET"), ("sendgrid", "POST"), ("mastodon", "POST")} <= set(kinds)


@cache
def document(name: str) -> ApiDocument:
    path = SHARED / "specs" / name
    if not path.exists():
        pytest.skip("../shared/data is absent")
    return ApiDocument(json.loads(path.read_text()))
