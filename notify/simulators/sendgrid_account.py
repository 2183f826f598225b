"""SendGrid's read-only account API: scopes, authenticated domains and event webhooks."""

import base64
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from starlette.responses import JSONResponse, Response

from notify.simulators.arrivals import Arrival
from notify.simulators.world import World

EVENTS = ("bounce", "deferred", "delivered", "dropped", "processed", "spam_report", "unsubscribe")
OTHER_EVENTS = ("click", "open", "group_resubscribe", "group_unsubscribe", "account_status_change")


class SendGridAccount:
    def __init__(self, world: World) -> None:
        self._world = world

    def scopes(self, _arrival: Arrival) -> Response:
        return JSONResponse({"scopes": self._world.behaviour.sendgrid.scopes})

    def domains(self, _arrival: Arrival) -> Response:
        if "whitelabel.read" not in self._world.behaviour.sendgrid.scopes:
            return _forbidden()
        return JSONResponse(
            [self._domain(number, name) for number, name in enumerate(self._world.behaviour.sendgrid.domains, 1)]
        )

    def webhooks(self, _arrival: Arrival) -> Response:
        shown = self._world.behaviour.sendgrid
        if "user.webhooks.event.settings.read" not in shown.scopes:
            return _forbidden()
        url = self._world.config.sendgrid_events_url if shown.events_url is None else shown.events_url
        return JSONResponse({"max_allowed": 5, "webhooks": [self._webhook(url)] if url else []})

    def _domain(self, number: int, name: str) -> dict[str, Any]:
        return {
            "id": number,
            "user_id": 1,
            "subdomain": "em1",
            "domain": name,
            "username": "city",
            "ips": [],
            "custom_spf": False,
            "default": number == 1,
            "legacy": False,
            "automatic_security": True,
            "valid": True,
            "dns": {
                part: {"valid": True, "type": "cname", "host": f"{host}.{name}", "data": "u1.wl.sendgrid.net"}
                for part, host in (("mail_cname", "em1"), ("dkim1", "s1._domainkey"), ("dkim2", "s2._domainkey"))
            },
        }

    def _webhook(self, url: str) -> dict[str, Any]:
        shown = self._world.behaviour.sendgrid
        return {
            "enabled": shown.events_enabled,
            "url": url,
            **{name: name not in shown.events_left_out for name in EVENTS},
            **dict.fromkeys(OTHER_EVENTS, False),
            "friendly_name": "City (simulated)",
            "id": "77d4a5da-7015-11ed-a1eb-0242ac120002",
            "oauth_client_id": None,
            "oauth_token_url": None,
            "public_key": self._public_key(),
            "created_date": "2026-01-01T00:00:00Z",
            "updated_date": "2026-01-01T00:00:00Z",
        }

    def _public_key(self) -> str:
        """Return the key in base64 of DER, as SendGrid shows it; "" if events are not signed."""
        private = self._world.config.sendgrid_private_key
        if not private or not self._world.behaviour.sendgrid.signed:
            return ""
        key = load_pem_private_key(private.encode(), None).public_key()
        return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _forbidden() -> Response:
    return JSONResponse({"errors": [{"message": "access forbidden"}]}, 403)
