"""One simulator process for all tests here, emptied before each."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from simulator_process import Hooks, Simulator, run_simulator, serve_hooks

SPECS = Path(__file__).parents[3].parent / "shared" / "data" / "specs"
Conforms = Callable[[httpx.Response], None]


@pytest.fixture(scope="session")
def hooks_of_all() -> Iterator[Hooks]:
    with serve_hooks() as hooks:
        yield hooks


@pytest.fixture(scope="session")
def client(hooks_of_all: Hooks) -> Iterator[httpx.Client]:
    with run_simulator(hooks_of_all) as client:
        yield client


@pytest.fixture
def simulator(client: httpx.Client, hooks_of_all: Hooks) -> Simulator:
    client.delete("/_sim/behaviour").raise_for_status()
    client.delete("/_sim/messages").raise_for_status()
    hooks_of_all.clear()
    # Far enough apart to arrive in order: each callback may take another connection.
    quick = {"sent_after_ms": 60, "delivered_after_ms": 160, "jitter_ms": 0}
    simulator = Simulator(client, hooks_of_all)
    simulator.behave(twilio={"callbacks": quick}, sendgrid={"callbacks": quick, "batch_ms": 20})
    return simulator


@pytest.fixture
def hooks(simulator: Simulator) -> Hooks:
    return simulator.hooks


@pytest.fixture(scope="session")
def twilio_conforms() -> Conforms:
    """Checks an answer against Twilio's own document, cut down to Messages because the whole takes seconds to read."""
    document = _read("twilio_api_v2010.json")
    paths = {
        path: parts
        for path, parts in document["paths"].items()
        if "/Messages.json" in path or path.endswith("/Messages/{Sid}.json")
    }
    schemas = {
        name: schema
        for name, schema in document["components"]["schemas"].items()
        if name.startswith("message_") or name == "api.v2010.account.message"
    }
    kept = {"schemas": schemas, "securitySchemes": document["components"]["securitySchemes"]}
    return _conforming(document | {"paths": paths, "components": kept}, "https://api.twilio.com")


@pytest.fixture(scope="session")
def sendgrid_conforms() -> Conforms:
    document = _read("tsg_mail_v3.json")
    # Two slips of the document: `nullable` says nothing in OpenAPI 3.1, and `help` is described as a text or link
    # while typed as an object. SendGrid answers with null and with a link.
    error = document["components"]["schemas"]["ErrorResponse"]["properties"]["errors"]["items"]["properties"]
    error["field"]["type"] = ["string", "null"]
    error["help"]["type"] = ["object", "string", "null"]
    return _conforming(document, "https://api.sendgrid.com")


def _read(name: str) -> Any:
    if not (SPECS / name).exists():
        pytest.skip("../shared/data is absent")
    return json.loads((SPECS / name).read_text())


def _conforming(document: Any, host: str) -> Conforms:
    openapi = OpenAPI.from_dict(document)

    def check(response: httpx.Response) -> None:
        request = response.request
        asked = MockRequest(host, request.method.lower(), request.url.path, args=dict(request.url.params))
        kind = response.headers.get("content-type", "application/json")
        given = MockResponse(response.content, response.status_code, dict(response.headers), content_type=kind)
        openapi.validate_response(asked, given)

    return check
