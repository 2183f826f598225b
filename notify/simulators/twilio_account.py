"""Twilio's read-only account API: account, numbers and Messaging Services.

The account owns every valid number, short code and service that a request names, except those in
`behaviour.twilio.foreign`.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response

from notify.simulators.arrivals import Arrival
from notify.simulators.twilio import PHONE, SERVICE, SHORT_CODE
from notify.simulators.twilio_errors import error
from notify.simulators.world import World

MADE = "Thu, 01 Jan 2026 00:00:00 +0000"
MADE_ISO = "2026-01-01T00:00:00Z"
SERVICE_NUMBER, SERVICE_CODE = "+15555550199", "55199"  # in the pool of every service


class TwilioAccount:
    def __init__(self, world: World) -> None:
        self._world = world
        self._sid = world.config.twilio_account_sid
        self._uri = f"/2010-04-01/Accounts/{self._sid}"

    def account(self, _arrival: Arrival) -> Response:
        behaviour = self._world.behaviour.twilio
        return JSONResponse(
            {
                "auth_token": self._world.config.twilio_auth_token,
                "date_created": MADE,
                "date_updated": MADE,
                "friendly_name": "City (simulated)",
                "owner_account_sid": self._sid,
                "sid": self._sid,
                "status": behaviour.account_status,
                "subresource_uris": {"messages": f"{self._uri}/Messages.json"},
                "type": behaviour.account_type,
                "uri": f"{self._uri}.json",
            }
        )

    def numbers(self, arrival: Arrival) -> Response:
        wanted = dict(parse_qsl(arrival.query)).get("PhoneNumber", "")
        return self._listing(
            arrival, "incoming_phone_numbers", "IncomingPhoneNumbers", self._owned(wanted, PHONE, self._number)
        )

    def number(self, arrival: Arrival) -> Response:
        sid = arrival.path.rpartition("/")[2].removesuffix(".json")
        found = self._number(SERVICE_NUMBER)
        return JSONResponse(found) if sid == found["sid"] else error(20404, arrival.path)

    def short_codes(self, arrival: Arrival) -> Response:
        wanted = dict(parse_qsl(arrival.query)).get("ShortCode", "")
        return self._listing(
            arrival, "short_codes", "SMS/ShortCodes", self._owned(wanted, SHORT_CODE, self._short_code)
        )

    def short_code(self, arrival: Arrival) -> Response:
        sid = arrival.path.rpartition("/")[2].removesuffix(".json")
        found = self._short_code(SERVICE_CODE)
        return JSONResponse(found) if sid == found["sid"] else error(20404, arrival.path)

    def service(self, arrival: Arrival) -> Response:
        sid = arrival.path.rpartition("/")[2]
        if not self._is_owned(sid, SERVICE):
            return error(20404, arrival.path)
        return JSONResponse(
            {
                "sid": sid,
                "account_sid": self._sid,
                "friendly_name": "City (simulated)",
                "date_created": MADE_ISO,
                "date_updated": MADE_ISO,
                "inbound_request_url": self._hook(),
                "inbound_method": self._world.behaviour.twilio.inbound_method,
                "use_inbound_webhook_on_number": self._world.behaviour.twilio.inbound_on_number,
                "status_callback": None,
                "validity_period": 36_000,
                "url": f"https://messaging.twilio.com/v1/Services/{sid}",
                "links": {},
            }
        )

    def service_numbers(self, arrival: Arrival) -> Response:
        sid = arrival.path.split("/")[3]
        number = self._number(SERVICE_NUMBER)
        pooled = {
            "sid": number["sid"],
            "account_sid": self._sid,
            "service_sid": sid,
            "date_created": MADE_ISO,
            "date_updated": MADE_ISO,
            "phone_number": SERVICE_NUMBER,
            "country_code": "US",
            "capabilities": ["SMS"],
            "url": f"https://messaging.twilio.com{arrival.path}/{number['sid']}",
        }
        return _page_v1(arrival, "phone_numbers", [pooled])

    def service_short_codes(self, arrival: Arrival) -> Response:
        sid = arrival.path.split("/")[3]
        code = self._short_code(SERVICE_CODE)
        pooled = {
            "sid": code["sid"],
            "account_sid": self._sid,
            "service_sid": sid,
            "date_created": MADE_ISO,
            "date_updated": MADE_ISO,
            "short_code": SERVICE_CODE,
            "country_code": "US",
            "capabilities": ["SMS"],
            "url": f"https://messaging.twilio.com{arrival.path}/{code['sid']}",
        }
        return _page_v1(arrival, "short_codes", [pooled])

    def _hook(self) -> str:
        set_to = self._world.behaviour.twilio.inbound_url
        return self._world.config.twilio_inbound_url if set_to is None else set_to

    def _owned(
        self, wanted: str, shape: re.Pattern[str], resource: Callable[[str], dict[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        if self._is_owned(wanted, shape):
            yield resource(wanted)

    def _is_owned(self, wanted: str, shape: re.Pattern[str]) -> bool:
        return bool(shape.fullmatch(wanted)) and wanted not in self._world.behaviour.twilio.foreign

    def _number(self, number: str) -> dict[str, Any]:
        sid, behaviour = _sid("PN", number), self._world.behaviour.twilio
        return {
            "account_sid": self._sid,
            "address_requirements": "none",
            "address_sid": None,
            "api_version": "2010-04-01",
            "beta": False,
            "bundle_sid": None,
            "capabilities": {"voice": True, "sms": behaviour.sms_capable, "mms": True, "fax": False},
            "date_created": MADE,
            "date_updated": MADE,
            "emergency_address_sid": None,
            "emergency_address_status": "unregistered",
            "emergency_status": "Inactive",
            "friendly_name": number,
            "identity_sid": None,
            "origin": "twilio",
            "phone_number": number,
            "sid": sid,
            "sms_application_sid": behaviour.inbound_application,
            "sms_fallback_method": "POST",
            "sms_fallback_url": None,
            "sms_method": behaviour.inbound_method,
            "sms_url": self._hook(),
            "status": "in-use",
            "status_callback": None,
            "status_callback_method": "POST",
            "trunk_sid": None,
            "type": "local",
            "uri": f"{self._uri}/IncomingPhoneNumbers/{sid}.json",
            "voice_application_sid": None,
            "voice_caller_id_lookup": False,
            "voice_fallback_method": "POST",
            "voice_fallback_url": None,
            "voice_method": "POST",
            "voice_receive_mode": "voice",
            "voice_url": None,
        }

    def _short_code(self, code: str) -> dict[str, Any]:
        sid = _sid("SC", code)
        return {
            "account_sid": self._sid,
            "api_version": "2010-04-01",
            "date_created": MADE,
            "date_updated": MADE,
            "friendly_name": code,
            "short_code": code,
            "sid": sid,
            "sms_fallback_method": "POST",
            "sms_fallback_url": None,
            "sms_method": self._world.behaviour.twilio.inbound_method,
            "sms_url": self._hook(),
            "uri": f"{self._uri}/SMS/ShortCodes/{sid}.json",
        }

    def _listing(self, arrival: Arrival, key: str, name: str, found: Iterator[dict[str, Any]]) -> Response:
        listed = list(found)
        here = f"{self._uri}/{name}.json?{arrival.query}"
        return JSONResponse(
            {
                "end": max(len(listed) - 1, 0),
                "first_page_uri": here,
                "next_page_uri": None,
                "page": 0,
                "page_size": int(dict(parse_qsl(arrival.query)).get("PageSize", 50)),
                "previous_page_uri": None,
                "start": 0,
                "uri": here,
                key: listed,
            }
        )


def _page_v1(arrival: Arrival, key: str, found: list[dict[str, Any]]) -> Response:
    """Return a page in the format of Twilio's newer APIs."""
    here = f"https://messaging.twilio.com{arrival.path}"
    meta = {
        "page": 0,
        "page_size": 50,
        "first_page_url": here,
        "previous_page_url": None,
        "next_page_url": None,
        "url": here,
        "key": key,
    }
    return JSONResponse({"meta": meta, key: found})


def _sid(prefix: str, name: str) -> str:
    return prefix + hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
