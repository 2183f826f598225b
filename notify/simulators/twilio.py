"""Twilio's Messages API: create, fetch and list, as in its OpenAPI document for the 2010-04-01 API."""

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from notify.simulators.arrivals import Arrival
from notify.simulators.behaviour import Fault
from notify.simulators.segments import segments
from notify.simulators.texts import SERVICE_NUMBER, Text
from notify.simulators.twilio_errors import USUAL, error
from notify.simulators.twilio_progress import follow
from notify.simulators.world import World

LONGEST_BODY = 1600  # characters
LONGEST_VALIDITY_S = 36_000
# E.164: 7 to 15 digits. Numbers with +1 have ten more digits, and no area code starts with 0 or 1.
PHONE = re.compile(r"(?:\w+:)?\+(?:1[2-9]\d{9}|[2-9]\d{6,14})")
SHORT_CODE = re.compile(r"\d{5,6}")
NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")  # an alphanumeric sender
SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")


class Twilio:
    """A Twilio account."""

    name = "twilio"

    def __init__(self, world: World) -> None:
        self._world = world
        self._sid = world.config.twilio_account_sid
        login = f"{self._sid}:{world.config.twilio_auth_token}".encode()
        self._authorization = f"Basic {base64.b64encode(login).decode()}"
        self._messages = f"/2010-04-01/Accounts/{self._sid}/Messages"

    def challenge(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), self._authorization.encode()):
            return error(20003)
        if request.path_params.get("account", self._sid) != self._sid:
            return error(20404, request.url.path)
        return None

    def weigh(self, arrival: Arrival) -> tuple[str, int]:
        form = arrival.parsed = arrival.form()
        return form.get("MessagingServiceSid") or form.get("From", ""), segments(form.get("Body", ""))

    def refuse(self, fault: Fault) -> Response:
        code = fault.code or USUAL.get(fault.status, 20500 if fault.status >= 500 else 20001)
        return error(code, status=fault.status, retry_after=fault.retry_after)

    def create(self, arrival: Arrival) -> Response:
        form: dict[str, str] = arrival.parsed
        refused = _mistake(form) or self._refusal(form)
        if refused is not None:
            return refused
        world = self._world
        service = form.get("MessagingServiceSid", "")
        text = Text(
            order=world.next_order(),
            to=form["To"],
            sender=form.get("From") or SERVICE_NUMBER,
            body=form["Body"],
            segments=segments(form["Body"]),
            direction="outbound-api",
            # A Messaging Service has not chosen a number yet, so its message starts one state earlier.
            status="accepted" if service else "queued",
            created=arrival.at,
            arrival=arrival,
            service=service,
            callback=form.get("StatusCallback", ""),
            updated=arrival.at,
        )
        world.phones.keep(text)
        follow(world, text)
        return JSONResponse(self._resource(text), 201)

    def fetch(self, arrival: Arrival) -> Response:
        text = self._world.phones.find(arrival.path.rpartition("/")[2].removesuffix(".json"))
        return error(20404, arrival.path) if text is None else JSONResponse(self._resource(text))

    def listing(self, arrival: Arrival) -> Response:
        """List messages in pages, newest first. A page token keeps its place while new messages arrive."""
        query = dict(parse_qsl(arrival.query, keep_blank_values=True))
        try:
            found = _filtered(self._candidates(query), query)
            page, size = int(query.get("Page", 0)), int(query.get("PageSize", 50))
        except ValueError:
            return error(20001)
        if page < 0 or not 1 <= size <= 1000:
            return error(20001)
        token = query.get("PageToken", "")
        last = self._world.phones.find(token.removeprefix("PA")) if token else None
        start = page * size
        if last is not None:
            found = [text for text in found if text.order < last.order]
        rest = found if last is not None else found[start:]
        shown, more = rest[:size], len(rest) > size
        return JSONResponse(
            {
                "first_page_uri": self._page_uri(query, 0, size),
                "end": start + max(len(shown) - 1, 0),
                "previous_page_uri": self._page_uri(query, page - 1, size) if page else None,
                "messages": [self._resource(text) for text in shown],
                "uri": f"{self._messages}.json" + (f"?{arrival.query}" if arrival.query else ""),
                "page_size": size,
                "start": start,
                "next_page_uri": self._page_uri(query, page + 1, size, f"PA{shown[-1].sid}") if more else None,
                "page": page,
            }
        )

    def _refusal(self, form: dict[str, str]) -> Response | None:
        """Return the refusal for a number that has opted out or that a test has set to be refused, or None."""
        number = form["To"]
        phone = self._world.phones.find_phone(number)
        if phone is not None and (form.get("MessagingServiceSid") or form["From"]) in phone.blocked:
            return error(21610)
        outcome = self._world.behaviour.twilio.numbers.get(number)
        return error(outcome.code, number) if outcome is not None and outcome.code is not None else None

    def _candidates(self, query: dict[str, str]) -> Iterable[Text]:
        phones = self._world.phones
        return reversed(phones.sent_to(query["To"]) if query.get("To") else phones.texts())

    def _page_uri(self, query: dict[str, str], page: int, size: int, token: str = "") -> str:
        kept = {name: value for name, value in query.items() if name not in {"Page", "PageSize", "PageToken"}}
        fields = kept | {"PageSize": str(size), "Page": str(page)} | ({"PageToken": token} if token else {})
        return f"{self._messages}.json?{urlencode(fields)}"

    def _resource(self, text: Text) -> dict[str, Any]:
        uri = f"{self._messages}/{text.sid}"
        unassigned = text.status == "accepted"
        return {
            "account_sid": self._sid,
            "api_version": "2010-04-01",
            "body": text.body,
            "date_created": _rfc2822(int(text.created)),
            "date_sent": None if text.sent is None else _rfc2822(int(text.sent)),
            "date_updated": _rfc2822(int(text.updated)),
            "direction": text.direction,
            "error_code": text.error_code,
            "error_message": None,
            "from": None if unassigned else text.sender,
            "messaging_service_sid": text.service or None,
            "num_media": "0",
            "num_segments": "0" if unassigned else str(text.segments),
            "price": None,
            "price_unit": "USD",
            "sid": text.sid,
            "status": text.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": text.to,
            "uri": f"{uri}.json",
        }


def _mistake(form: dict[str, str]) -> Response | None:
    """Return Twilio's error for an invalid request, or None. The rules are checked in Twilio's order."""
    to, sender = form.get("To", ""), form.get("From", "")
    service, body = form.get("MessagingServiceSid", ""), form.get("Body", "")
    callback, validity = form.get("StatusCallback", ""), form.get("ValidityPeriod", "1")
    rules = (
        (not to, 21604, ""),
        (not PHONE.fullmatch(to), 21211, to),
        (not sender and not service, 21603, ""),
        (service and not SERVICE.fullmatch(service), 21703, ""),
        (sender and not any(rule.fullmatch(sender) for rule in (PHONE, SHORT_CODE, NAME)), 21212, sender),
        (to == sender, 21266, ""),
        (not body, 21602, ""),
        (len(body) > LONGEST_BODY, 21617, ""),
        (callback and not _is_web_address(callback), 21609, callback),
        (not validity.isdecimal() or not 1 <= int(validity) <= LONGEST_VALIDITY_S, 21624, ""),
    )
    return next((error(code, about) for wrong, code, about in rules if wrong), None)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return len(url) <= 4000 and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _filtered(texts: Iterable[Text], query: dict[str, str]) -> list[Text]:
    """Filter by From and DateSent. The parameter's name includes the comparison: `DateSent>=2026-01-31`.

    The creation time counts for a message without a DateSent.
    """
    after = _moment(query["DateSent>"]) if "DateSent>" in query else None
    before = _moment(query["DateSent<"], end=True) if "DateSent<" in query else None
    if "DateSent" in query:
        after, before = _moment(query["DateSent"]), _moment(query["DateSent"], end=True)
    sender = query.get("From", "")
    return [
        text
        for text in texts
        if (not sender or text.sender == sender)
        and (after is None or (text.sent or text.created) >= after)
        and (before is None or (text.sent or text.created) <= before)
    ]


def _moment(value: str, *, end: bool = False) -> float:
    """Return unix seconds of the start or end of a GMT date, or of a point in time. Raises ValueError."""
    moment = datetime.fromisoformat(value)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if end and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        moment += timedelta(days=1, microseconds=-1)
    return moment.timestamp()


@lru_cache(maxsize=256)
def _rfc2822(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))
