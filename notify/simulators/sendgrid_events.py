"""SendGrid's Event Webhook, which reports the outcome of each mail in signed batches.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

import base64
import json
import time
from collections.abc import Iterable
from functools import partial
from secrets import token_urlsafe
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from notify.simulators.behaviour import AddressOutcome
from notify.simulators.mails import SUPPRESSING, Mail
from notify.simulators.world import World

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
LATE_S = 0.25  # delay of an event that comes late or twice
USUAL = AddressOutcome()
WORDS = {
    "bounce": "550 5.1.1 The email account that you tried to reach does not exist.",
    "blocked": "421 4.7.0 Messages temporarily deferred due to user complaints.",
    "deferred": "451 4.3.0 Temporary system problem, try again later.",
    "dropped": "Invalid",
}


class EventWebhook:
    """Collects events for a short time and posts them as JSON arrays."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._key = _private_key(world.config.sendgrid_private_key)
        self._waiting: list[dict[str, Any]] = []

    def follow(self, taken: list[Mail], dropped: list[tuple[Mail, str]]) -> None:
        """Schedule the events of all mails of a request, with a few timers for all of them."""
        callbacks = self._world.behaviour.sendgrid.callbacks
        chance = self._world.chance
        jitter_s = chance.uniform(0, callbacks.jitter_ms) / 1000 if callbacks.jitter_ms else 0.0
        sent_s = callbacks.sent_after_ms / 1000
        final_s = max(sent_s, callbacks.delivered_after_ms / 1000 + jitter_s)
        for mail, reason in dropped:
            self.tell(mail, "dropped", reason=reason)
        late = [mail for mail in taken if callbacks.out_of_order and chance.random() < callbacks.out_of_order]
        held = {mail.order for mail in late}
        courier = self._world.courier
        courier.later(sent_s, partial(self._processed, [mail for mail in taken if mail.order not in held]))
        courier.later(final_s, partial(self._finish, taken))
        if late:
            courier.later(final_s + LATE_S, partial(self._processed, late))

    def tell(self, mail: Mail, event: str, **more: object) -> dict[str, Any]:
        """Add an event to the next batch."""
        told: dict[str, Any] = {
            **mail.custom_args,
            "email": mail.to,
            "timestamp": int(time.time()),
            "smtp-id": f"<{mail.message_id}@geopod-ismtpd-simulator>",
            "event": event,
            "sg_event_id": token_urlsafe(16),
            "sg_message_id": f"{mail.message_id}.recvd-simulator-1-{mail.arrival.order:X}-{mail.index}.0",
            **more,
        }
        if mail.request.get("categories"):
            told["category"] = mail.request["categories"]
        self._add(told)
        return told

    def _processed(self, mails: Iterable[Mail]) -> None:
        for mail in mails:
            self.tell(mail, "processed")

    def _finish(self, mails: list[Mail]) -> None:
        behaviour = self._world.behaviour.sendgrid
        repeats, chance = behaviour.callbacks.repeats, self._world.chance
        for mail in mails:
            told = self._final(mail, behaviour.addresses.get(mail.to, USUAL))
            if told and repeats and chance.random() < repeats:
                self._world.courier.later(LATE_S, partial(self._add, told))
        self._world.touch()

    def _final(self, mail: Mail, outcome: AddressOutcome) -> dict[str, Any] | None:
        words = outcome.reason or WORDS.get(outcome.event, "")
        mail.status = outcome.event
        match outcome.event:
            case "processed":
                return None  # no final event
            case "bounce" | "blocked":
                if outcome.event == "bounce":
                    self._world.inboxes.inbox(mail.to).suppressed = SUPPRESSING["bounce"]
                status = outcome.status if outcome.event == "bounce" else "4.7.0"
                return self.tell(mail, "bounce", type=outcome.event, status=status, reason=words, tls=1)
            case "dropped":
                return self.tell(mail, "dropped", reason=words)
            case "deferred":
                return self.tell(mail, "deferred", response=words, attempt="1")
        return self.tell(mail, "delivered", response="250 2.0.0 OK simulator", tls=1)

    def _add(self, event: dict[str, Any]) -> None:
        behaviour = self._world.behaviour.sendgrid
        if not self._world.config.sendgrid_events_url or not behaviour.callbacks.enabled:
            return
        self._waiting.append(event)
        if len(self._waiting) == 1:
            self._world.courier.later(behaviour.batch_ms / 1000, self._flush)

    def forget(self) -> None:
        self._waiting.clear()

    def _flush(self) -> None:
        size = self._world.behaviour.sendgrid.batch_size
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), size):
            self._post(waiting[start : start + size])

    def _post(self, events: list[dict[str, Any]]) -> None:
        body = json.dumps(events, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json;charset=utf-8", "User-Agent": "SendGrid Event API"}
        if self._key is not None:
            timestamp = str(int(time.time()))
            signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
            headers |= {TIMESTAMP: timestamp, SIGNATURE: base64.b64encode(signature).decode()}
        self._world.courier.post(self._world.config.sendgrid_events_url, body, headers)


def _private_key(pem: str) -> ec.EllipticCurvePrivateKey | None:
    """Read the key. Raises ValueError unless it is a P-256 key. Line breaks may be written as \\n, as in some env
    files."""
    if not pem:
        return None
    key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("The SendGrid private key must be an ECDSA key on the curve P-256.")
    return key
