"""The OpenAPI document, and that the answers are what it says."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests import factories

Key = Callable[..., dict[str, str]]


@pytest.fixture
def document(door: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = door.get("/api/v1/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    assert {path for path, _, _ in operations(document)} >= {"/api/v1/alerts/{alert_id}", "/api/v1/zones/{name}"}
    assert all(path.startswith("/api/v1/") for path, _, _ in operations(document))


def test_every_operation_says_what_it_is_and_what_can_go_wrong(document: dict[str, Any]) -> None:
    for path, method, one in operations(document):
        assert one["summary"], path
        assert one["tags"], path
        assert one["security"] == [{"key": []}], (method, path)
        assert "401" in one["responses"], (method, path)
        for status, answer in one["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


def test_answers_are_what_the_document_says(
    door: httpx.Client, document: dict[str, Any], key: Key, city: datetime
) -> None:
    number = factories.alert_resolved(channels=("sms", "email"), now=city)
    registry: Registry[Any] = Registry().with_resource("urn:doc", DRAFT202012.create_resource(document))
    headers = key()
    for template in (
        "/api/v1/alerts",
        "/api/v1/alerts/{alert_id}",
        "/api/v1/alerts/{alert_id}/report",
        "/api/v1/alerts/{alert_id}/audience",
        "/api/v1/alarms",
        "/api/v1/jobs",
        "/api/v1/zones/{name}",
        "/api/v1/zones",
        "/api/v1/senders",
        "/api/v1/subscribers/count",
    ):
        answer = door.get(template.format(alert_id=number, name="Riverside"), headers=headers)
        assert answer.status_code == 200, (template, answer.text)
        pointer = template.replace("/", "~1")
        where = f"urn:doc#/paths/{pointer}/get/responses/200/content/application~1json/schema"
        OAS31Validator({"$ref": where}, registry=registry).validate(answer.json())
