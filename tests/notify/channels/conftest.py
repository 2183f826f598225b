"""Fixtures of the adapters' tests: a provider on loopback, and the providers' own documents."""

import json
from pathlib import Path
from typing import Any

import pytest
from stand_in import StandIn

from tests.api_document import ApiDocument

SHARED = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.fixture
def provider() -> StandIn:
    return StandIn()


def _read(name: str) -> Any:
    file = SHARED / name
    if not file.exists():
        pytest.skip("../shared/data is absent")
    return json.loads(file.read_text())


@pytest.fixture(scope="session")
def twilio_document() -> ApiDocument:
    document = _read("specs/twilio_api_v2010.json")
    path = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
    schemas = {
        name: schema for name, schema in document["components"]["schemas"].items() if name.startswith("message_")
    }
    return ApiDocument({"paths": {path: document["paths"][path]}, "components": {"schemas": schemas}})


@pytest.fixture(scope="session")
def sendgrid_document() -> ApiDocument:
    return ApiDocument(_read("specs/tsg_mail_v3.json"))


@pytest.fixture(scope="session")
def sendgrid_events() -> dict[str, dict[str, Any]]:
    """One real event for each name, from an independent project's tests."""
    return {case["test"]: case["events"][0] for case in _read("webhooks/sendgrid_events_from_anymail_tests.json")}
