"""A provider's OpenAPI document, to hold our requests against."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema


@dataclass(frozen=True)
class ApiDocument:
    """A provider's OpenAPI document. Fields that it does not know are errors here."""

    document: dict[str, Any]

    def check_body(self, path: str, kind: str, instance: object) -> None:
        operation = self.document["paths"][path]["post"]
        body = self._resolve(operation["requestBody"])
        self._validate(body["content"][kind]["schema"], instance)

    def check_form(self, path: str, form: Mapping[str, str]) -> None:
        kind = "application/x-www-form-urlencoded"
        properties = self.document["paths"][path]["post"]["requestBody"]["content"][kind]["schema"]["properties"]
        self.check_body(path, kind, {name: _typed(properties.get(name, {}), form[name]) for name in form})

    def check_query(self, path: str, query: Mapping[str, str]) -> None:
        known = {each["name"]: each["schema"] for each in self.document["paths"][path]["get"]["parameters"]}
        assert set(query) <= set(known)
        for name, value in query.items():
            self._validate(known[name], _typed(known[name], value))

    def _validate(self, schema: dict[str, Any], instance: object) -> None:
        whole = _closed(schema) | {"components": _closed(self.document["components"])}
        jsonschema.Draft202012Validator(whole).validate(instance)

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            names = part["$ref"].removeprefix("#/").split("/")
            part = self.document
            for name in names:
                part = part[name]
        return part


def _typed(schema: Mapping[str, Any], text: str) -> object:
    """A form's text as the type that the document wants."""
    if schema.get("type") == "integer":
        return int(text)
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}[text]
    return text


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
