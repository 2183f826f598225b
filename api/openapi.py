"""What the OpenAPI document says besides the routes, and the answers that many routes share."""

from typing import Any

from fastapi import FastAPI
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from api.errors import PROBLEM, Problem

DESCRIPTION = """
Send `Authorization: Bearer tocsin_...` with a key made by `tocsin keys add`. A key that acts for an operator may do
what the operator's role allows; one without an operator may only read.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents: `detail` says what is wrong, `hint`
what to do next, `errors` lists the cases. Times are ISO 8601 with an offset; coordinates are WGS 84, longitude first.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "alerts", "description": "One thing said once: written, approved, launched, counted."},
    {"name": "alarms", "description": "What operators must look at."},
    {"name": "jobs", "description": "What Tocsin does by itself, and when it did it last."},
    {"name": "zones", "description": "Named areas of the city, versioned."},
    {"name": "addresses", "description": "Where an address, a crossing or a landmark is."},
    {"name": "senders", "description": "The identities that we send as, with their rates and caps."},
    {"name": "subscribers", "description": "Residents: how many; and one who calls, for agents."},
]

_MEANINGS = {
    400: "The body cannot be parsed.",
    401: "No key, or one that is not valid.",
    403: "This key may not do that.",
    404: "There is no such thing.",
    409: "Its state forbids that.",
    413: "The body is too large.",
    422: "What was given cannot be used; `errors` lists the reasons.",
    429: "Too many requests, or too much that is being computed for this key already.",
    503: "A server or a setting that is needed is missing.",
}


ALWAYS = (
    400,
    401,
    403,
    413,
    422,
    429,
    503,
)  # a broken body, no key, its scopes, its size, its contents, too often, away


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem documents that a route may answer with, for its `responses`; and for what any of them may answer."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in sorted({*ALWAYS, *statuses})}


class Door(FastAPI):
    """An application whose OpenAPI document says what `errors.py` does, with webhooks in front of all middleware.

    They come by the thousand for one alert: four fifths of such a request went into the framework.
    """

    hooks: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.hooks is not None and scope["type"] == "http" and scope["path"].startswith("/hooks/"):
            await self.hooks(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        fresh = self.openapi_schema is None
        document = super().openapi()
        if fresh:
            for operation in (one for path in document["paths"].values() for one in path.values()):
                _tell_problems(operation["responses"])
            for unused in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(unused, None)
        return document


def _tell_problems(responses: dict[str, Any]) -> None:
    """Give errors their media type, and leave out FastAPI's own validation error, which is never answered with."""
    for status in [status for status in responses if int(status) >= 400]:
        schema = next(iter(responses[status]["content"].values()))["schema"]
        if schema["$ref"].endswith("/Problem"):
            responses[status]["content"] = {PROBLEM: {"schema": schema}}
        else:
            del responses[status]
