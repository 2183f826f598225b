"""Email by SendGrid's v3 Mail Send.

A request carries one content and up to 1000 personalizations, one for each recipient: two recipients in one would see
each other's address. SendGrid replaces `-unsubscribe_url-` in the content with the recipient's own link.
A message cannot be called back or made to expire, so `valid_for_s` has no effect.
"""

import math
import re
from email.utils import parseaddr
from functools import lru_cache
from typing import ClassVar

import orjson

from notify.channels.contract import (
    Accepted,
    Ambiguous,
    Content,
    HookRequest,
    Message,
    Recall,
    Receipts,
    Recipient,
    SendError,
)
from notify.channels.exchange import document, exchange, refusal
from notify.channels.http.client import Answer, Endpoint, HttpClient
from notify.channels.sendgrid.receipts import ARGUMENT, read_events, read_public_key

UNSUBSCRIBE_TAG = "-unsubscribe_url-"
# The field that SendGrid names when an address is not valid: personalizations.3.to.0.email
BAD_RECIPIENT = re.compile(r"personalizations\.(\d+)\.to(?:\.\d+)?(?:\.email)?")


class SendGridEmail:
    """One SendGrid account. The sender is `name@example.org` or `Name <name@example.org>`."""

    channel: ClassVar[str] = "email"
    max_recipients: ClassVar[int] = 1000
    recall: ClassVar[Recall] = Recall.NEVER

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        client: HttpClient | None,
        timeout_s: float,
        webhook_public_key: str = "",
    ) -> None:
        self._client = client
        headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._endpoint = Endpoint("POST", f"{base_url.rstrip('/')}/v3/mail/send", headers)
        self._timeout_s = timeout_s
        self._public_key = read_public_key(webhook_public_key)

    async def send(self, message: Message, leave_by_s: float = math.inf) -> Accepted:
        """Hand the mail over. Return a reference that all its recipients share."""
        answer = await exchange(self._client, self._endpoint, _mail(message), self._timeout_s, leave_by_s)
        if answer.status != 202:
            raise _refusal(answer, len(message.recipients))
        return Accepted(answer.headers.get("X-Message-Id", ""))

    async def find(self, message: Message, since_s: float) -> Accepted | None:
        raise NotImplementedError("SendGrid's Mail Send cannot be asked about a message.")

    def parse_receipt(self, request: HookRequest) -> Receipts:
        """Read an event webhook, a signed JSON list. Without a public key all are refused."""
        return read_events(self._public_key, request)


def _mail(message: Message) -> bytes:
    """Build the request's body with orjson: the library's Personalization takes 30 times as long, for each of up to a
    thousand recipients (docs/adr/0018-sendgrid-library.md)."""
    list_id = message.content.list_id.strip("<>")
    headers = {"List-Id": f"<{list_id}>"} if list_id else {}
    each = [_personalization(recipient, headers) for recipient in message.recipients]
    return orjson.dumps({"personalizations": each, **_shared_part(message.content, message.sender_address)})


def _personalization(recipient: Recipient, headers: dict[str, str]) -> dict[str, object]:
    """Build one recipient's part. It has all headers, because they replace those of the message."""
    link = recipient.unsubscribe_url
    if link:
        # RFC 8058, section 3.1: exactly this value, and an HTTPS address where a POST unsubscribes.
        headers = {**headers, "List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return {
        "to": [{"email": recipient.address}],
        "substitutions": {UNSUBSCRIBE_TAG: link},
        "headers": headers,
        "custom_args": {ARGUMENT: f"{recipient.delivery_id}.{recipient.proof}"},
    }


@lru_cache(maxsize=64)
def _shared_part(content: Content, sender_address: str) -> dict[str, object]:
    """Build the part that all recipients of a batch share, once, with the library's own helpers."""
    from sendgrid.helpers import mail  # 9 MB that only a process that sends mail needs

    name, address = parseaddr(sender_address)
    made = mail.Mail(from_email=mail.From(address, name or None), subject=content.subject)
    made.add_category(mail.Category(content.topic))
    # Residents must see the real links of a warning, and whether they read it is private. SendGrid's own subscription
    # tracking would add a second List-Unsubscribe to ours.
    made.tracking_settings = mail.TrackingSettings(
        click_tracking=mail.ClickTracking(False, False),
        open_tracking=mail.OpenTracking(False),
        subscription_tracking=mail.SubscriptionTracking(False),
    )
    # Without the library's Content, which refuses a text that looks like an API key: "SG.example.gov is closed".
    parts = [("text/plain", content.text), ("text/html", content.html)]  # SendGrid requires this order
    shared: dict[str, object] = made.get()
    return shared | {"content": [{"type": kind, "value": value} for kind, value in parts if value]}


def _refusal(answer: Answer, recipients: int) -> SendError | Ambiguous:
    errors = document(answer).get("errors")
    if answer.status != 400:
        # An error of SendGrid's own ("Returns an error when [..] the server fails to process it") always has `errors`:
        # https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors
        return refusal(answer, not_taken=isinstance(errors, list))
    fields = (
        [str(error.get("field")) for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    )
    named = [BAD_RECIPIENT.fullmatch(field) for field in fields]
    positions = sorted({int(match[1]) for match in named if match})
    if positions and all(named) and positions[-1] < recipients:
        return SendError("invalid-address", retryable=False, blame="recipient", suppress="invalid", positions=positions)
    # SendGrid's messages may repeat the value that they refuse, so only the fields' names are kept (law 9).
    detail = ", ".join(sorted({field for field in fields if re.fullmatch(r"[a-z_.\d]{1,80}", field)}))
    return SendError("http-400", retryable=False, blame="us", detail=detail)
