"""How well each provider works today: slow, failing, hanging, silent. Set by `PUT /_sim/behaviour`."""

from random import Random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Rate = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Fault(_Strict):
    """One way for a request to go wrong. Only one of `reset`, `hang_s`, `accept_then_hang_s`, `status` counts."""

    status: int = Field(500, ge=400, le=599)
    code: int | None = None  # the provider's own error code; by default the usual one for the status
    retry_after: float | None = None  # seconds, in a Retry-After header
    taken: bool = False  # take the message, and answer `status` all the same
    bare: bool = False  # `status` is said by a gateway on the way, in none of the provider's words
    hang_s: float = 0  # take nothing, answer nothing, drop the connection after this time
    accept_then_hang_s: float = 0  # take the message and then do the same
    reset: bool = False  # take nothing and reset the connection at once
    on: Literal["send", "lookup", "session"] = "send"


class ErrorRate(Fault):
    """A fault that meets this share of the requests, chosen at random."""

    rate: Rate


class NumberOutcome(_Strict):
    """The fate of what is sent to one number: refused with `code`, or taken and ending in `status`."""

    code: int | None = None
    status: Literal["delivered", "undelivered", "failed", "sent"] = "delivered"  # sent: and never heard of again
    error_code: int | None = None


class AddressOutcome(_Strict):
    """The fate of mail to one address. `refused`: the whole request is, naming this recipient."""

    refused: bool = False
    event: Literal["delivered", "bounce", "blocked", "deferred", "dropped", "processed"] = "delivered"
    status: str = "5.1.1"  # RFC 3463, of a bounce
    reason: str = ""


class Callbacks(_Strict):
    """When the provider tells how it went. `out_of_order` and `repeats` are shares of all messages."""

    enabled: bool = True
    sent_after_ms: Milliseconds = 80
    delivered_after_ms: Milliseconds = 400  # counted from the request
    jitter_ms: Milliseconds = 150
    out_of_order: Rate = 0
    repeats: Rate = 0


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Provider(_Strict):
    latency_ms: Milliseconds = 0
    jitter_ms: Milliseconds = 0
    error_rate: Annotated[list[ErrorRate], BeforeValidator(_listed)] = []
    next_errors: list[Fault] = []  # each meets one request, in this order
    callbacks: Callbacks = Callbacks()

    def delay_s(self, chance: Random) -> float:
        jitter_ms = chance.uniform(-self.jitter_ms, self.jitter_ms) if self.jitter_ms else 0.0
        return max(0.0, self.latency_ms + jitter_ms) / 1000

    def take_fault(self, on: str, chance: Random) -> Fault | None:
        """The fault that this request meets; a one-shot fault is used up."""
        for position, fault in enumerate(self.next_errors):
            if fault.on == on:
                return self.next_errors.pop(position)
        for fault in self.error_rate:
            if fault.on == on and chance.random() < fault.rate:
                return fault
        return None


def _coded(value: Any) -> Any:
    return {number: {"code": fate} if isinstance(fate, int) else fate for number, fate in value.items()}


class Twilio(Provider):
    numbers: Annotated[dict[str, NumberOutcome], BeforeValidator(_coded)] = {}  # a bare code is short for a refusal
    advanced_opt_out: bool = False  # adds OptOutType to inbound webhooks
    # The account, as it can be read
    account_status: Literal["active", "closed", "suspended"] = "active"
    account_type: Literal["Full", "Trial"] = "Full"
    foreign: list[str] = []  # numbers, short codes and services of others
    sms_capable: bool = True  # numbers
    inbound_url: str | None = None  # what numbers show as their webhook; None: the one that the simulator calls
    inbound_method: Literal["GET", "POST"] = "POST"
    inbound_application: str | None = None  # the TwiML application of numbers, which overrules their webhook
    inbound_on_number: bool = False  # Messaging Services leave replies to the webhooks of their numbers


class SendGrid(Provider):
    addresses: dict[str, AddressOutcome] = {}
    batch_ms: Milliseconds = 200  # events are collected for this long
    batch_size: int = Field(500, ge=1)
    # The account, as it can be read
    scopes: list[str] = ["mail.send", "whitelabel.read", "user.webhooks.event.settings.read"]
    domains: list[str] = ["example.org"]  # authenticated
    events_url: str | None = None  # what the event webhook shows; None: the one that the simulator calls
    events_enabled: bool = True  # what the event webhook shows
    events_left_out: list[str] = []  # what the event webhook does not report
    signed: bool = True  # what the event webhook shows, where there is a key; events are signed all the same


class Mastodon(Provider):
    posts_per_window: int = Field(300, ge=0)  # the window is 5 minutes


class Bluesky(Provider):
    points_per_hour: int = Field(5000, ge=0)  # 3 a post
    session_lasts_s: float = Field(7200, ge=0)  # an access token
    account_status: Literal["active", "takendown", "suspended", "deactivated"] = "active"


class Behaviour(_Strict):
    twilio: Twilio = Twilio()
    sendgrid: SendGrid = SendGrid()
    mastodon: Mastodon = Mastodon()
    bluesky: Bluesky = Bluesky()

    def changed(self, change: dict[str, Any]) -> "Behaviour":
        """A copy with the given keys set; keys that are not given stay. Raises pydantic.ValidationError."""
        now = self.model_dump()
        for provider, keys in change.items():
            if not isinstance(keys, dict) or provider not in now:
                now[provider] = keys
                continue
            callbacks = keys.get("callbacks")
            if isinstance(callbacks, dict):
                keys = {**keys, "callbacks": now[provider]["callbacks"] | callbacks}
            now[provider] |= keys
        return Behaviour.model_validate(now)

    def of(self, provider: str) -> Provider:
        chosen: Provider = getattr(self, provider)
        return chosen
