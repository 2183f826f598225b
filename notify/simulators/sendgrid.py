"""SendGrid's v3 Mail Send."""

import gzip
import hmac
import json
from secrets import token_urlsafe
from typing import Any
from zlib import error as ZlibError  # noqa: N812 - zlib names it like a function

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from notify.simulators.arrivals import Arrival
from notify.simulators.behaviour import Fault
from notify.simulators.mails import Mail
from notify.simulators.sendgrid_events import EventWebhook
from notify.simulators.sendgrid_rules import Mistake, mistakes
from notify.simulators.world import World

LARGEST_BYTES = 30 * 2**20
WORDS = {
    401: "The provided authorization grant is invalid, expired, or revoked",
    403: "access forbidden",
    404: "not found",
    405: "method not allowed",
    413: "content too large",
    429: "too many requests",
    500: "internal server error",
}


class SendGrid:
    """A SendGrid account."""

    name = "sendgrid"

    def __init__(self, world: World, events: EventWebhook) -> None:
        self._world = world
        self._events = events
        self._authorization = f"Bearer {world.config.sendgrid_api_key}".encode()

    def challenge(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        return None if hmac.compare_digest(given.encode(), self._authorization) else _error(401)

    def weigh(self, arrival: Arrival) -> tuple[str, int]:
        arrival.parsed = mail = _read(arrival)
        if not isinstance(mail, dict):
            return "", 1
        sender, people = mail.get("from"), mail.get("personalizations")
        address = str(sender.get("email", "")) if isinstance(sender, dict) else ""
        return address, max(1, len(people)) if isinstance(people, list) else 1

    def refuse(self, fault: Fault) -> Response:
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return _error(fault.status, headers)

    def send(self, arrival: Arrival) -> Response:
        if not arrival.headers.get("content-type", "").startswith("application/json"):
            return _refusal([Mistake("Content-Type should be application/json.", None)], 415)
        if len(arrival.body) > LARGEST_BYTES:
            return _error(413)
        mail = arrival.parsed
        found = mistakes(mail) or self._refused(mail)
        if found:
            return _refusal(found, 400)
        if ((mail.get("mail_settings") or {}).get("sandbox_mode") or {}).get("enable"):
            return Response(status_code=200)
        message_id = token_urlsafe(16)
        self._deliver(arrival, message_id)
        return Response(status_code=202, headers={"X-Message-Id": message_id})

    def _refused(self, mail: dict[str, Any]) -> list[Mistake]:
        """Return a mistake for each address that a test has set to be refused."""
        outcomes = self._world.behaviour.sendgrid.addresses
        return [
            Mistake("Does not contain a valid address.", f"personalizations.{index}.to.{number}.email")
            for index, person in enumerate(mail["personalizations"] if outcomes else ())
            for number, one in enumerate(person["to"])
            if one["email"] in outcomes and outcomes[one["email"]].refused
        ]

    def _deliver(self, arrival: Arrival, message_id: str) -> None:
        """Deliver a request. All recipients of a personalization get the same mail and see each other's addresses."""
        world, mail = self._world, arrival.parsed
        bypass = ((mail.get("mail_settings") or {}).get("bypass_list_management") or {}).get("enable")
        taken: list[Mail] = []
        dropped: list[tuple[Mail, str]] = []
        for index, person in enumerate(mail["personalizations"]):
            for one in (one for kind in ("to", "cc", "bcc") for one in person.get(kind) or ()):
                copy = Mail(world.next_order(), one["email"], index, mail, arrival, message_id)
                inbox = world.inboxes.inbox(copy.to)
                if inbox.suppressed and not bypass:
                    copy.status = "dropped"
                    dropped.append((copy, inbox.suppressed))
                    continue
                world.inboxes.keep(copy)
                taken.append(copy)
        self._events.follow(taken, dropped)


def _read(arrival: Arrival) -> Any:
    try:
        body = arrival.body
        if arrival.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return json.loads(body)
    except (ValueError, OSError, EOFError, ZlibError):
        return None


def _error(status: int, headers: dict[str, str] | None = None) -> Response:
    return _refusal([Mistake(WORDS.get(status, "the request failed"), None)], status, headers)


def _refusal(found: list[Mistake], status: int, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"errors": [mistake.as_json() for mistake in found]}, status, headers)
