"""How each provider behaves: slow, failing, hanging or silent. Set by `PUT /_sim/behaviour`."""

from random import Random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Rate = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Fault(_Strict):
    """A way in which a request goes wrong. The first one set of `reset`, `hang_s`, `accept_then_hang_s` and `status`
    counts."""

    status: int = Field(500, ge=400, le=599)
    code: int | None = None  # the provider's own error code; by default the usual one for the status
    retry_after: float | None = None  # seconds, in a Retry-After header
    taken: bool = False  # accept the message, but answer `status`
    bare: bool = False  # `status` comes from a gateway, without the provider's error format
    hang_s: float = 0  # accept nothing, answer nothing and drop the connection after this time
    accept_then_hang_s: float = 0  # accept the message, answer nothing and drop the connection after this time
    reset: bool = False  # accept nothing and reset the connection at once
    on: Literal["send", "lookup", "session"] = "send"


class ErrorRate(Fault):
    """A fault of this share of the requests, chosen at random."""

    rate: Rate


class NumberOutcome(_Strict):
    """The outcome of messages to one number: refused with `code`, or accepted with the final state `status`."""

    code: int | None = None
    status: Literal["delivered", "undelivered", "failed", "sent"] = "delivered"  # sent: no final callback
    error_code: int | None = None


class AddressOutcome(_Strict):
    """The outcome of mail to one address. `refused`: the whole request is refused because of this recipient."""

    refused: bool = False
    event: Literal["delivered", "bounce", "blocked", "deferred", "dropped", "processed"] = "delivered"
    status: str = "5.1.1"  # of a bounce, RFC 3463
    reason: str = ""


class Callbacks(_Strict):
    """When the provider reports outcomes. `out_of_order` and `repeats` are shares of all messages."""

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
    next_errors: list[Fault] = []  # each hits one request, in this order
    callbacks: Callbacks = Callbacks()

    def delay_s(self, chance: Random) -> float:
        jitter_ms = chance.uniform(-self.jitter_ms, self.jitter_ms) if self.jitter_ms else 0.0
        return max(0.0, self.latency_ms + jitter_ms) / 1000

    def take_fault(self, on: str, chance: Random) -> Fault | None:
        """Return the fault of this request, if any. A fault of `next_errors` is used once."""
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
    numbers: Annotated[dict[str, NumberOutcome], BeforeValidator(_coded)] = {}  # a bare code stands for a refusal
    advanced_opt_out: bool = False  # adds OptOutType to inbound webhooks
    # What the account's own API shows
    account_status: Literal["active", "closed", "suspended"] = "active"
    account_type: Literal["Full", "Trial"] = "Full"
    foreign: list[str] = []  # numbers, short codes and services of other accounts
    sms_capable: bool = True  # of all numbers
    inbound_url: str | None = None  # webhook shown for numbers; None: the one that the simulator calls
    inbound_method: Literal["GET", "POST"] = "POST"
    inbound_application: str | None = None  # TwiML application of numbers, which overrides their webhook
    inbound_on_number: bool = False  # Messaging Services use the webhooks of their numbers for replies


class SendGrid(Provider):
    addresses: dict[str, AddressOutcome] = {}
    batch_ms: Milliseconds = 200  # events are collected for this long
    batch_size: int = Field(500, ge=1)
    # What the account's own API shows
    scopes: list[str] = ["mail.send", "whitelabel.read", "user.webhooks.event.settings.read"]
    domains: list[str] = ["example.org"]  # authenticated
    events_url: str | None = None  # URL shown for the event webhook; None: the one that the simulator calls
    events_enabled: bool = True  # state shown for the event webhook
    events_left_out: list[str] = []  # events shown as disabled
    signed: bool = True  # whether the webhook shows a public key; events are signed anyway if there is a key


class Mastodon(Provider):
    posts_per_window: int = Field(300, ge=0)  # the window is 5 minutes


class Bluesky(Provider):
    points_per_hour: int = Field(5000, ge=0)  # 3 a post
    session_lasts_s: float = Field(7200, ge=0)  # an access token
    account_status: Literal["active", "takendown", "suspended", "deactivated"] = "active"


class Open311(Provider):
    """Odd ways in which request systems of cities answer."""

    answers: Literal["id", "token", "nothing"] = "id"  # what filing is answered with
    shape: Literal["list", "object", "wrapped"] = "list"  # of JSON; object: only where it holds one entry
    numeric_ids: bool = False


class Behaviour(_Strict):
    twilio: Twilio = Twilio()
    sendgrid: SendGrid = SendGrid()
    mastodon: Mastodon = Mastodon()
    bluesky: Bluesky = Bluesky()
    open311: Open311 = Open311()

    def changed(self, change: dict[str, Any]) -> "Behaviour":
        """Return a copy with the given keys changed. Raises pydantic.ValidationError."""
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
