"""`/_sim`, the JSON interface by which tests and trainers control the simulator and read the messages it accepted.

GET PUT DELETE  /_sim/behaviour                   see behaviour.py; PUT changes only the keys it names
GET DELETE      /_sim/messages?provider=&since=&after=&limit=      accepted messages; DELETE empties everything
GET             /_sim/requests?provider=&since=&limit=             all requests to providers, refused ones included
GET             /_sim/stats
GET             /_sim/phones/{number}
POST            /_sim/phones/{number}/reply       {"text": "STOP", "to": "+1.."}; `to` if the phone has no messages yet
POST            /_sim/inboxes/{address}/unsubscribe | spam         {"order": n}; by default the last mail
"""

import json
from dataclasses import asdict
from itertools import islice
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notify.simulators.behaviour import Behaviour
from notify.simulators.inbox_actions import report_spam, unsubscribe
from notify.simulators.mails import Mail
from notify.simulators.replies import reply
from notify.simulators.sendgrid_events import EventWebhook
from notify.simulators.totals import PROVIDERS, accepted, spoken, totals
from notify.simulators.world import World


class _Refused(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.response = JSONResponse({"error": words}, status)


class Control:
    def __init__(self, world: World, events: EventWebhook) -> None:
        self._world = world
        self._events = events

    def routes(self) -> list[Route]:
        return [
            Route("/_sim/behaviour", self.behaviour, methods=["GET", "PUT", "DELETE"]),
            Route("/_sim/messages", self.messages, methods=["GET", "DELETE"]),
            Route("/_sim/requests", self.requests),
            Route("/_sim/stats", self.stats),
            Route("/_sim/phones/{number}", self.phone),
            Route("/_sim/phones/{number}/reply", self.reply, methods=["POST"]),
            Route("/_sim/inboxes/{address}/unsubscribe", self.unsubscribe, methods=["POST"]),
            Route("/_sim/inboxes/{address}/spam", self.spam, methods=["POST"]),
        ]

    async def behaviour(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._world.behaviour = Behaviour()
        elif request.method == "PUT":
            try:
                self._world.behaviour = self._world.behaviour.changed(await _object(request))
            except _Refused as refused:
                return refused.response
            except ValidationError as error:
                details = json.loads(error.json(include_url=False, include_context=False))
                return JSONResponse({"error": "The behaviour is not valid.", "details": details}, 400)
        return JSONResponse(self._world.behaviour.model_dump())

    async def messages(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._world.forget()
            self._events.forget()
            return Response(status_code=204)
        try:
            provider = _provider(request)
            since, after, limit = (_number(request, name) for name in ("since", "after", "limit"))
        except _Refused as refused:
            return refused.response
        found = accepted(self._world, provider, since, int(after))
        return JSONResponse(found[: int(limit)] if limit else found)

    async def requests(self, request: Request) -> Response:
        try:
            provider, since = _provider(request), _number(request, "since")
            limit = int(_number(request, "limit"))
        except _Refused as refused:
            return refused.response
        found = self._world.log.since(since, provider)
        return JSONResponse([arrival.as_json() for arrival in islice(found, limit or None)])

    async def stats(self, _request: Request) -> Response:
        return JSONResponse(totals(self._world))

    async def phone(self, request: Request) -> Response:
        phone = self._world.phones.find_phone(request.path_params["number"])
        if phone is None:
            return _Refused(404, "Nothing was ever sent to this number.").response
        said = [spoken(text) for text in phone.conversation]
        return JSONResponse({"number": phone.number, "blocked": sorted(phone.blocked), "conversation": said})

    async def reply(self, request: Request) -> Response:
        try:
            given = await _object(request)
            text, to = given.get("text"), given.get("to", "")
            if not isinstance(text, str) or not isinstance(to, str):
                raise _Refused(400, 'Send {"text": "STOP"}, and "to" if the phone has no messages yet.')
            answered = await reply(self._world, request.path_params["number"], text, to)
        except _Refused as refused:
            return refused.response
        except ValueError as error:
            return _Refused(409, str(error)).response
        return JSONResponse(asdict(answered))

    async def unsubscribe(self, request: Request) -> Response:
        try:
            clicked = await unsubscribe(self._world, await self._mail(request))
        except _Refused as refused:
            return refused.response
        return JSONResponse(asdict(clicked), 409 if clicked.problem and not clicked.webhook_status else 200)

    async def spam(self, request: Request) -> Response:
        try:
            report_spam(self._world, self._events, await self._mail(request))
        except _Refused as refused:
            return refused.response
        return Response(status_code=204)

    async def _mail(self, request: Request) -> Mail:
        inbox = self._world.inboxes.find(request.path_params["address"])
        order = (await _object(request)).get("order")
        if order is not None and not isinstance(order, int):
            raise _Refused(400, "`order` is the number of a mail.")
        mail = inbox.mail(order) if inbox is not None else None
        if mail is None:
            raise _Refused(404, "There is no such mail.")
        return mail


async def _object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body. An empty body counts as an empty object."""
    body = await request.body()
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise _Refused(400, "The body is not a JSON object.")
    return given


def _provider(request: Request) -> str:
    provider = request.query_params.get("provider", "")
    if provider not in ("", *PROVIDERS):
        raise _Refused(400, f"The providers are {', '.join(PROVIDERS)}.")
    return provider


def _number(request: Request, name: str) -> float:
    try:
        return float(request.query_params.get(name) or 0)
    except ValueError:
        raise _Refused(400, f"`{name}` is not a number.") from None
