"""The interface between `delivery` and the adapter of a provider.

An adapter turns one `Message` into one HTTP request, and the provider's webhooks into `Receipt`s and `Inbound`
texts. It uses no database, no Celery and no settings. `delivery/outcomes.py` decides what an error means for a
delivery.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Literal, NamedTuple, Protocol


class Content(NamedTuple):
    """The text of one alert for one channel and language, rendered once and shared by all its messages."""

    alert_id: int
    language: str  # BCP 47: "en", "es"
    topic: str
    subject: str  # email only, else ""
    text: str  # plain text: the SMS, the plain part of the email, the post
    html: str  # email only, else ""
    list_id: str = ""  # RFC 2919 identifier of the topic's list, email only


class Recipient(NamedTuple):
    """One delivery: where it goes and the id that comes back in its receipts."""

    delivery_id: int
    address: str  # E.164 phone number, email address; "" for a social timeline
    unsubscribe_url: str = ""  # email only: the RFC 8058 one-click address of this contact
    proof: str = ""  # email only: proves that the id is ours (`crypto.proof`); comes back with it


class Message(NamedTuple):
    """One request to a provider: one recipient, or up to `Adapter.max_recipients` of them."""

    content: Content
    sender_address: str  # the number, From address or account that it is sent from
    recipients: Sequence[Recipient]
    callback_url: str  # base of our webhooks; the adapter appends its own path, as api/hooks serves it
    valid_for_s: int | None = None  # do not deliver it later than this; None: no limit


class Accepted(NamedTuple):
    """The provider has taken the message and gave it this reference (a Twilio SID, an X-Message-Id)."""

    reference: str


Blame = Literal["recipient", "provider", "us", "filter"]
# "": go on writing to this address. "carrier-block": not from this sender (`delivery.suppressions`).
Suppress = Literal["", "opt-out", "hard-bounce", "complaint", "invalid", "carrier-block"]

# True of an address, whoever wrote to it and about what.
ABOUT_ADDRESS: frozenset[Suppress] = frozenset({"hard-bounce", "complaint", "invalid"})


class SendError(Exception):
    """The provider certainly did not take the message: none of its recipients.

    `retryable`: the same request may succeed later. `blame`: recipient (suppress the address, when `suppress`
    says so), provider (try again if retryable; otherwise this one message is lost and nobody is at fault), us
    (stop the sender and tell people), filter (taken for spam: of one message it says little, of many that it is us).
    `retry_after_s`: how long the provider asks us to wait.
    `positions`: which of `message.recipients` are to blame, when a request of many was refused because of a
    few; the others may be sent again at once without them. Empty: all of them.
    `code` and `detail` never hold a phone number or an email address: they may be logged.
    """

    def __init__(
        self,
        code: str,
        *,
        retryable: bool,
        blame: Blame,
        detail: str = "",
        retry_after_s: float | None = None,
        suppress: Suppress = "",
        positions: Sequence[int] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.retryable = retryable
        self.blame = blame
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.suppress = suppress
        self.positions = tuple(positions)


class Ambiguous(Exception):
    """The request left, and the provider may have taken it: a timeout, a reset after sending, a 502.

    Such a delivery becomes `unknown`; it is never sent again blindly (law 8).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Late(Exception):
    """The deadline for sending the request passed. Nothing was sent."""


class Recall(StrEnum):
    """How an unknown delivery can be reconciled with this provider."""

    ASK = "ask"  # `find` looks the message up
    REPEAT = "repeat"  # the provider recognises a repeated request (Idempotency-Key): sending again is safe
    NEVER = "never"  # it cannot be known; the lane of the alert decides


class ReceiptState(StrEnum):
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's later report about one delivery. Reports may be late, repeated and out of order."""

    delivery_id: int | None  # None: it concerns an address, and no delivery of ours
    state: ReceiptState | None  # None: nothing about delivery (a complaint, an unsubscribe)
    code: str = ""  # the provider's own error code or SMTP status
    reference: str = ""
    event_key: str = ""  # the provider's id of the event, to recognise a repeat; "" when it has none
    suppress: Suppress = ""  # stop writing to this address
    blame: Blame | None = None  # who is at fault when it did not arrive, as in SendError
    address: str = ""  # whom it is about, as the provider names them
    proof: str | None = None  # of the delivery id; "": missing; None: not needed, only we can have assigned the id


class Receipts(list[Receipt]):
    """The receipts of one webhook, and for each event that cannot be read, a sentence that says why."""

    def __init__(self, receipts: Iterable[Receipt] = (), unreadable: Sequence[str] = ()) -> None:
        super().__init__(receipts)
        self.unreadable = unreadable


@dataclass(frozen=True, slots=True)
class Inbound:
    """A resident's text to one of our numbers."""

    address: str  # who wrote, E.164
    sender_address: str  # which of our numbers they wrote to
    text: str
    reference: str  # the provider's id of this message
    opt_out_type: str = ""  # Twilio Advanced Opt-Out has answered already: STOP, START or HELP
    service: str = ""  # the Messaging Service that the number belongs to


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A webhook as received. `url` is the public one with its query, because that is what providers sign."""

    url: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    came_at: datetime = field(default_factory=lambda: datetime.now(UTC))  # aware, UTC


class Adapter(Protocol):
    """One provider on one channel.

    Constructors take, by keyword, credentials, `base_url`, `timeout_s` and `client`, the `HttpClient` of
    the event loop or None in a process that only reads webhooks.
    """

    channel: ClassVar[str]
    max_recipients: ClassVar[int]  # recipients one request can carry
    recall: ClassVar[Recall]

    async def send(self, message: Message, leave_by_s: float = math.inf) -> Accepted:
        """Hand the message over. Raises SendError (certainly not taken), Ambiguous (perhaps taken), or Late.

        `leave_by_s`: not a byte of it leaves after this moment of `time.monotonic()`.
        """
        ...

    async def find(self, message: Message, since_s: float) -> Accepted | None:
        """Look for a message of unknown outcome, sent at `since_s` (`time.monotonic()`) or later. Only with Recall.ASK.

        Subtract that age from the provider's clock, because ours may be wrong by hours.

        Returns None if the provider never received it. Raises SendError if the provider gives no answer; the delivery
        then stays unknown.
        """
        ...

    def parse_receipt(self, request: HookRequest) -> Receipts:
        """Return the receipts in a status webhook. Raises BadSignature before reading anything else, Invalid if nothing
        in a signed one can be read."""
        ...
