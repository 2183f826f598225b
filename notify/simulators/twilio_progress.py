"""The progress of an accepted text: its states, and the signed callbacks that report them.

Twilio's callbacks may come out of order or twice; `behaviour.twilio.callbacks` sets how often they do here.
"""

import base64
import hmac
import time
from datetime import UTC, datetime
from secrets import token_hex
from urllib.parse import urlencode

from notify.simulators.behaviour import NumberOutcome
from notify.simulators.texts import Text
from notify.simulators.world import World

USUAL = NumberOutcome()
LATE_S = 0.25  # delay of a callback that comes late or twice


def follow(world: World, text: Text) -> None:
    """Schedule all state changes of a text."""
    behaviour = world.behaviour.twilio
    outcome = behaviour.numbers.get(text.to, USUAL)
    callbacks = behaviour.callbacks
    jitter_s = world.chance.uniform(0, callbacks.jitter_ms) / 1000 if callbacks.jitter_ms else 0.0
    sent_s = callbacks.sent_after_ms / 1000 + jitter_s / 2
    final_s = max(sent_s, callbacks.delivered_after_ms / 1000 + jitter_s)
    shuffled = callbacks.out_of_order > 0 and world.chance.random() < callbacks.out_of_order
    repeated = callbacks.repeats > 0 and world.chance.random() < callbacks.repeats

    steps: list[tuple[float, str]] = [(0.0, "queued")] if text.service else []
    if outcome.status != "failed":
        steps.append((sent_s, "sent"))
    if outcome.status != "sent":
        steps.append((final_s, outcome.status))
    last = steps[-1][1]
    for delay_s, status in steps:
        late_s = final_s - delay_s + LATE_S if shuffled and status == "sent" else 0.0
        times = 2 if repeated and status == last else 1
        _schedule(world, text, delay_s, status, outcome.error_code, late_s, times)


def callback_headers(world: World, url: str, fields: dict[str, str]) -> dict[str, str]:
    """Return the headers of a signed webhook. Its idempotency token stays the same when it is tried again."""
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "TwilioProxy/1.1",
        "X-Twilio-Signature": signature(world.config.twilio_auth_token, url, fields),
        "I-Twilio-Idempotency-Token": token_hex(16),
    }


def signature(auth_token: str, url: str, fields: dict[str, str]) -> str:
    """Sign a webhook: https://www.twilio.com/docs/usage/security#validating-requests"""
    signed = url + "".join(name + value for name, value in sorted(fields.items()))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), "sha1")).decode()


def _schedule(
    world: World, text: Text, delay_s: float, status: str, error_code: int | None, late_s: float, times: int
) -> None:
    def reach() -> None:
        text.status = status
        text.updated = time.time()
        if status == "sent":
            text.sent = text.updated
        if status in {"undelivered", "failed"}:
            text.error_code = error_code
        world.touch()
        if not text.callback or not world.behaviour.twilio.callbacks.enabled:
            return
        fields = _fields(world, text, status)
        for number in range(times):
            wait_s = late_s + number * LATE_S
            if wait_s:
                world.courier.later(wait_s, lambda: _tell(world, text.callback, fields))
            else:
                _tell(world, text.callback, fields)

    world.courier.later(delay_s, reach)


def _tell(world: World, url: str, fields: dict[str, str]) -> None:
    world.courier.post(url, urlencode(fields).encode(), callback_headers(world, url, fields))


def _fields(world: World, text: Text, status: str) -> dict[str, str]:
    fields = {
        "AccountSid": world.config.twilio_account_sid,
        "ApiVersion": "2010-04-01",
        "From": text.sender,
        "MessageSid": text.sid,
        "MessageStatus": status,
        "SmsSid": text.sid,
        "SmsStatus": status,
        "To": text.to,
    }
    if text.service:
        fields["MessagingServiceSid"] = text.service
    if status in {"delivered", "undelivered"}:
        fields["RawDlrDoneDate"] = f"{datetime.now(UTC):%y%m%d%H%M}"
    if status in {"undelivered", "failed"} and text.error_code is not None:
        fields["ErrorCode"] = str(text.error_code)
    return fields
