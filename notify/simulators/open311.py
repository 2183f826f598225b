"""A city's request system that speaks Open311 GeoReport v2: https://wiki.open311.org/GeoReport_v2/

GET   /open311/v2/services.json                what it takes, and .xml as everywhere
GET   /open311/v2/services/{code}.json         what one asks for besides a place and a description
GET   /open311/v2/requests.json                by id (a list overrides all else), code, status, time; page, page_size,
                                               and lat, long, radius (metres), which are extensions
GET   /open311/v2/requests/{id}.json
POST  /open311/v2/requests.json                with the api_key
GET   /open311/v2/tokens/{token}.json
"""

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from notify.simulators.arrivals import Arrival
from notify.simulators.behaviour import Fault
from notify.simulators.behaviour import Open311 as Behaviour
from notify.simulators.door import door
from notify.simulators.world import World

ROOT = "/open311/v2"
PAGE_SIZE, MOST = 50, 1000
WINDOW = timedelta(days=90)  # as the specification has it, when no dates are given
LONGEST = 4_000  # characters of a description
METRES_A_DEGREE = 111_320
SERVICES: tuple[dict[str, Any], ...] = tuple(
    {
        "service_code": code,
        "service_name": name,
        "description": description,
        "metadata": code == "streetlight",
        "type": "realtime",
        "keywords": keywords,
        "group": group,
    }
    for code, name, description, keywords, group in (
        ("missed-trash", "Missed trash pickup", "The truck did not come.", "missed, trash", "Sanitation"),
        ("missed-recycling", "Missed recycling pickup", "The truck did not come.", "missed, recycling", "Sanitation"),
        ("pothole", "Pothole", "A hole in the road.", "road", "Streets"),
        ("streetlight", "Street light out", "A street light that is dark or stays on.", "light", "Streets"),
        ("unplowed", "Street not plowed", "A street that no plow has come to.", "snow, plow", "Snow"),
        ("car-tow", "Car in the way of a plow", "A car on a snow emergency route.", "snow, car", "Snow"),
    )
)
DEFINITION = {
    "service_code": "streetlight",
    "attributes": [
        {
            "variable": True, "code": "POLE", "datatype": "string", "required": False, "order": 1,
            "datatype_description": "On a plate on the pole", "description": "What is the number of the pole?",
        }
    ],
}  # fmt: skip
SINGULAR = {"services": "service", "service_requests": "request", "errors": "error"}


class Open311:
    """One city's endpoint."""

    name = "open311"

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        def asked(path: str, handle: Any, on: Any = "lookup", method: str = "GET") -> list[Route]:
            endpoint = door(self._world, self, handle, on)
            return [Route(f"{ROOT}/{path}.{kind}", endpoint, methods=[method]) for kind in ("json", "xml")]

        return [
            *asked("services", self.services),
            *asked("services/{code}", self.definition),
            *asked("requests", self.file, "send", "POST"),
            *asked("requests", self.requests),
            *asked("requests/{id}", self.request),
            *asked("tokens/{token}", self.token),
        ]

    def challenge(self, _request: Request) -> Response | None:
        return None  # the key stands in the form, and only filing needs it

    def weigh(self, arrival: Arrival) -> tuple[str, int]:
        return ROOT, 1

    def refuse(self, fault: Fault) -> Response:
        return _document("errors", [_error(fault.status, "The request system is out of order.")], "json", fault.status)

    def services(self, arrival: Arrival) -> Response:
        return self._answer(arrival, "services", SERVICES)

    def definition(self, arrival: Arrival) -> Response:
        code = _last(arrival)
        if code != DEFINITION["service_code"]:
            return _refused(arrival, 404, f"The service {code} asks for nothing more.")
        return self._answer(arrival, "service_definition", [DEFINITION])

    def requests(self, arrival: Arrival) -> Response:
        query = dict(parse_qsl(arrival.query))
        if ids := query.get("service_request_id"):
            stored = self._world.service_requests.requests
            return self._answer(arrival, "service_requests", [stored[one] for one in _list(ids) if one in stored])
        try:
            found = self._chosen(query, datetime.fromtimestamp(arrival.at, UTC))
        except ValueError:
            return _refused(arrival, 400, "A date, number or page is not valid.")
        return self._answer(arrival, "service_requests", found)

    def request(self, arrival: Arrival) -> Response:
        found = self._world.service_requests.requests.get(_last(arrival))
        if found is None:
            return _refused(arrival, 404, "There is no such request.")
        return self._answer(arrival, "service_requests", [found])

    def token(self, arrival: Arrival) -> Response:
        token = _last(arrival)
        if token not in self._world.service_requests.tokens:
            return _refused(arrival, 404, "There is no such token.")
        known = self._world.service_requests.tokens[token]
        return self._answer(arrival, "service_requests", [{"token": token, "service_request_id": known}])

    def file(self, arrival: Arrival) -> Response:
        given = arrival.form()
        if given.get("api_key") != self._world.config.open311_key:
            return _refused(arrival, 403, "The api_key is missing or not valid.")
        service = next((one for one in SERVICES if one["service_code"] == given.get("service_code")), None)
        if service is None:
            return _refused(arrival, 404, "service_code is missing or not of this city.")
        if not (given.get("address_string") or given.get("address_id") or (given.get("lat") and given.get("long"))):
            return _refused(arrival, 400, "A place is needed: lat and long, address_string or address_id.")
        if len(given.get("description", "")) > LONGEST:
            return _refused(arrival, 400, f"The description has more than {LONGEST} characters.")
        made = self._store(service, given, datetime.fromtimestamp(arrival.at, UTC))
        answers = self._behaviour().answers
        notice = {"service_notice": "The crew looks within three working days.", "account_id": ""}
        if answers == "token":
            token = f"t{made['service_request_id']}"
            self._world.service_requests.tokens[token] = made["service_request_id"]
            return self._answer(arrival, "service_requests", [{"token": token, **notice}], 201)
        known = {"service_request_id": made["service_request_id"]} if answers == "id" else {}
        return self._answer(arrival, "service_requests", [known | notice], 201)

    def _store(self, service: dict[str, Any], given: dict[str, str], now: datetime) -> dict[str, Any]:
        number = str(260_000 + self._world.next_order())
        made = {
            "service_request_id": number,
            "status": "open",
            "status_notes": None,
            "service_name": service["service_name"],
            "service_code": service["service_code"],
            "description": given.get("description") or None,
            "agency_responsible": service["group"],
            "service_notice": None,
            "requested_datetime": _time(now),
            "updated_datetime": _time(now),
            "expected_datetime": _time(now + timedelta(days=3)),
            "address": given.get("address_string") or None,
            "lat": float(given["lat"]) if given.get("lat") else None,
            "long": float(given["long"]) if given.get("long") else None,
            "media_url": None,
        }
        self._world.service_requests.requests[number] = made
        return made

    def _chosen(self, query: dict[str, str], now: datetime) -> list[dict[str, Any]]:
        """Return one page of what was asked for, the latest first. Raises ValueError."""
        end = datetime.fromisoformat(query["end_date"]) if "end_date" in query else now
        start = datetime.fromisoformat(query["start_date"]) if "start_date" in query else end - WINDOW
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("a date needs an offset")
        codes, states = _list(query.get("service_code", "")), _list(query.get("status", ""))
        found = [
            one
            for one in reversed(self._world.service_requests.requests.values())
            if (not codes or one["service_code"] in codes)
            and (not states or one["status"] in states)
            and start <= datetime.fromisoformat(one["requested_datetime"]) <= end + timedelta(seconds=1)
            and ("radius" not in query or _metres(one, query) <= float(query["radius"]))
        ]
        size = min(int(query.get("page_size", PAGE_SIZE)), MOST)
        page = max(1, int(query.get("page", 1)))
        return found[(page - 1) * size : page * size]

    def _answer(self, arrival: Arrival, name: str, found: Iterable[dict[str, Any]], status: int = 200) -> Response:
        """Answer as the specification says, or as the switches make real endpoints of other cities answer."""
        behaviour, entries = self._behaviour(), [dict(one) for one in found]
        if behaviour.numeric_ids:
            for one in entries:
                one |= {key: int(value) for key, value in one.items() if key.endswith("_id") and str(value).isdecimal()}
        shape = "list" if arrival.path.endswith(".xml") else behaviour.shape
        return _document(name, entries, "xml" if arrival.path.endswith(".xml") else "json", status, shape)

    def _behaviour(self) -> Behaviour:
        return self._world.behaviour.open311


def _document(name: str, entries: list[dict[str, Any]], kind: str, status: int, shape: str = "list") -> Response:
    if kind == "xml":
        one = SINGULAR.get(name, name)
        inner = "".join(f"<{one}>{_fields(entry)}</{one}>" for entry in entries)
        text = f'<?xml version="1.0" encoding="utf-8"?><{name}>{inner}</{name}>'
        return Response(text, status, media_type="text/xml")
    body: Any = entries
    if shape == "wrapped":
        body = {name: entries}
    elif shape == "object" and len(entries) == 1:  # what converters of XML make of a list of one
        body = entries[0]
    return Response(json.dumps(body), status, media_type="application/json")


def _fields(entry: dict[str, Any]) -> str:
    shown = {name: "" if value is None else str(value) for name, value in entry.items()}
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in shown.items())


def _refused(arrival: Arrival, status: int, words: str) -> Response:
    kind = "xml" if arrival.path.endswith(".xml") else "json"
    return _document("errors", [_error(status, words)], kind, status)


def _error(status: int, words: str) -> dict[str, Any]:
    return {"code": str(status), "description": words}


def _metres(one: dict[str, Any], query: dict[str, str]) -> float:
    if one["lat"] is None or one["long"] is None:
        return math.inf
    lat = float(query["lat"])
    east = (one["long"] - float(query["long"])) * math.cos(math.radians(lat))
    return math.hypot(east, one["lat"] - lat) * METRES_A_DEGREE


def _list(given: str) -> list[str]:
    return [one.strip() for one in given.split(",") if one.strip()]


def _last(arrival: Arrival) -> str:
    """The id at the end of the path."""
    return arrival.path.rpartition("/")[2].rpartition(".")[0]


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
