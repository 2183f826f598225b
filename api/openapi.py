"""The parts of the OpenAPI document besides the routes, and the answers that many routes share."""

from typing import Any

from fastapi import FastAPI
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from api import hooks
from api.errors import PROBLEM, Problem
from api.front.front import Front
from api.front.kept_page import Answer
from api.metrics import Metrics

DESCRIPTION = """
Send `Authorization: Bearer tocsin_...` with a key made by `tocsin keys add`. A key that acts for an operator may do
what the operator's role allows; one without an operator may only read.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents: `detail` says what is wrong, `hint`
what to do next, `errors` lists the cases. Times are ISO 8601 with an offset; coordinates are WGS 84, longitude first.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "alerts", "description": "One thing said once: written, approved, launched, counted."},
    {"name": "incidents", "description": "What belongs together: the first alert, its updates, the all-clear."},
    {"name": "alarms", "description": "Problems that operators must look at."},
    {"name": "jobs", "description": "Timed jobs, and when each last ran."},
    {"name": "zones", "description": "Named areas of the city, versioned."},
    {"name": "addresses", "description": "Find an address, a crossing or a landmark."},
    {"name": "collections", "description": "The days on which waste is collected, as published."},
    {"name": "senders", "description": "The identities that messages are sent from, with their rates and caps."},
    {"name": "policies", "description": "Decisions not to use a channel."},
    {"name": "words", "description": "The city's own words for messages, version by version."},
    {"name": "subscribers", "description": "Residents: their number and, for agents, the record of a caller."},
]

_MEANINGS = {
    400: "The body cannot be parsed.",
    401: "There is no key, or it is not valid.",
    403: "This key does not allow it.",
    404: "It does not exist.",
    409: "Its state does not allow it.",
    413: "The body is too large.",
    422: "The request is not valid; `errors` lists the reasons.",
    429: "Too many requests, or too many computations for this key at once.",
    503: "A server or setting that is needed is missing.",
}


ALWAYS = (400, 401, 403, 413, 422, 429, 503)  # statuses that every route may answer with


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route: the problem documents of these statuses and of `ALWAYS`."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in sorted({*ALWAYS, *statuses})}


class Door(FastAPI):
    """An application whose OpenAPI document describes our errors, with webhooks and public pages in front of all
    middleware.

    Thousands of webhooks come for one alert, and thousands of residents look at once; the framework took four fifths of
    the time of each.
    """

    hooks: Router | None = None
    front: Front | None = None

    def at_once(self, scope: Scope) -> Answer | None:
        """Return the answer to a request that needs none of us, for the server to send."""
        return self.front.at_once(scope) if self.front is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self.hooks is not None and scope["path"].startswith("/hooks/"):
                await self.hooks(scope, receive, send)
                return
            if self.front is not None and (asked := self.front.serves(scope)) is not None:
                await self.front(scope, receive, send, asked)
                return
        await super().__call__(scope, receive, send)

    def put_in_front(self, metrics: Metrics) -> None:
        """Answer webhooks and public pages in front of the application."""
        self.hooks = hooks.router(metrics)
        self.front = Front(super().__call__, metrics)

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
    """Give errors their media type, and remove FastAPI's own validation error, which we never send."""
    for status in [status for status in responses if int(status) >= 400]:
        schema = next(iter(responses[status]["content"].values()))["schema"]
        if schema["$ref"].endswith("/Problem"):
            responses[status]["content"] = {PROBLEM: {"schema": schema}}
        else:
            del responses[status]
