"""SMS by Twilio's Message resource.

Twilio has no idempotency keys, and its Message resource has no field for an id of ours: even the status callback URL
cannot be read back. So the delivery id is part of that URL and returns with each callback, and a message of unknown
outcome is looked up by number, time and text.
"""

import base64
import hmac
import math
import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, ClassVar
from urllib.parse import quote_plus, unquote_to_bytes, urlencode, urlsplit

from twilio.twiml.messaging_response import MessagingResponse
from yarl import URL

from notify.channels.contract import (
    Accepted,
    Ambiguous,
    Content,
    HookRequest,
    Inbound,
    Message,
    Recall,
    Receipt,
    Receipts,
    ReceiptState,
)
from notify.channels.exchange import document, exchange
from notify.channels.http.client import Endpoint, HttpClient
from notify.channels.reading import PORTS, delivery_id, storable
from notify.channels.twilio.client import Listing, error_of, refused_by
from notify.channels.twilio.errors import verdict
from notify.core.errors import BadSignature, Invalid

# Twilio itself acts on a reply that is one of these words, and answers it; START only if it had blocked the number.
# It may also act on REVOKE and OPTOUT. If so, it refuses our own answer: the resident gets one answer in any case.
ANSWERED = frozenset(
    "stop stopall unsubscribe cancel end quit start yes unstop help info".split()  # noqa: SIM905  a list of words
)
LONGEST_VALIDITY_S = 36_000  # Twilio's limit for ValidityPeriod, and its default
CLOCK_SKEW = timedelta(seconds=30)  # between Twilio's own machines, when a lost message is looked up
SIGNATURE = "x-twilio-signature"
MOST_FIELDS = 200  # of a webhook; Twilio sends about thirty

STATES = {
    "accepted": ReceiptState.ACCEPTED,
    "scheduled": ReceiptState.ACCEPTED,
    "queued": ReceiptState.ACCEPTED,
    "sending": ReceiptState.ACCEPTED,
    "sent": ReceiptState.ACCEPTED,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.UNDELIVERED,
    "failed": ReceiptState.FAILED,
    "canceled": ReceiptState.FAILED,
}
LOST = {"undelivered", "failed", "canceled"}


class TwilioSms:
    """One Twilio account. The sender is a number, a short code or a Messaging Service (`MG...`)."""

    channel: ClassVar[str] = "sms"
    max_recipients: ClassVar[int] = 1
    recall: ClassVar[Recall] = Recall.ASK

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        base_url: str,
        client: HttpClient | None,
        timeout_s: float,
    ) -> None:
        self._client = client
        self._account_sid = account_sid
        base_url = base_url.rstrip("/")
        messages = f"{base_url}/2010-04-01/Accounts/{account_sid}/Messages.json"
        self._listing = partial(Listing, account_sid, auth_token, base_url, client, timeout_s)
        self._timeout_s = timeout_s
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        form = {
            "Authorization": f"Basic {credentials}",
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self._creation = Endpoint("POST", URL(messages, encoded=True), form)
        # With an empty one, which `_signed_form` refuses, anybody could compute a signature.
        self._token = auth_token.encode()

    async def send(self, message: Message, leave_by_s: float = math.inf) -> Accepted:
        """Create the message. Return its SID."""
        answer = await exchange(self._client, self._creation, _create_form(message), self._timeout_s, leave_by_s)
        if not 200 <= answer.status < 300:
            raise refused_by(answer)
        created = document(answer)
        sid, status = created.get("sid"), created.get("status")
        if not isinstance(sid, str) or not sid:
            raise Ambiguous("unreadable-answer")
        if status in LOST:  # Twilio sends no callback for the first status
            raise error_of(str(created.get("error_code") or status))
        return Accepted(sid)

    async def find(self, message: Message, since_s: float) -> Accepted | None:
        """List the messages to this number and compare their text and time.

        DateSent is empty until the carrier has the message, which can be in Twilio's queue for ten hours. Whether a
        filter by date includes such a message is not documented. So a search by date that finds nothing is repeated
        without the date before the message counts as never received. The number is in the query string because Twilio
        offers no other way.
        """
        sender = "" if _is_service(message.sender_address) else message.sender_address
        day = (datetime.now(UTC) - timedelta(seconds=time.monotonic() - since_s) - CLOCK_SKEW).date()
        for since, page_size in ((day, 50), (None, 1000)):
            listing = self._listing()
            async with aclosing(listing.messages(message.recipients[0].address, sender, since, page_size)) as found:
                async for listed in found:
                    earliest = listing.there - timedelta(seconds=time.monotonic() - since_s) - CLOCK_SKEW
                    if _is_same(listed, message, earliest):
                        return Accepted(listed.sid)
        return None

    def parse_receipt(self, request: HookRequest) -> Receipts:
        """Read a status callback. Its URL ends in the delivery id; without one there is no receipt."""
        form = self._signed_form(request)
        delivery = delivery_id(request.url.partition("?")[0].rpartition("/")[2])  # `urlsplit` takes 5 µs
        sid = storable(form.get("MessageSid", ""), "MessageSid")
        status = form.get("MessageStatus", "")
        if delivery is None or status not in STATES:
            return Receipts()
        code = storable(form.get("ErrorCode", ""), "ErrorCode") if status in LOST else ""
        judged = verdict(code)
        receipt = Receipt(
            delivery_id=delivery,
            state=STATES[status],
            code=code,
            reference=sid,
            event_key=f"{sid}:{status}",  # Twilio's events have no ids, but a message reaches a status once
            suppress=judged.suppress if code else "",
            blame=judged.blame if code else None,
            address=storable(form.get("To", ""), "To") if code else "",
        )
        return Receipts((receipt,))

    def parse_inbound(self, request: HookRequest) -> Inbound:
        """Return a resident's reply. Raises BadSignature first of all, Invalid if a field is missing or too long."""
        form = self._signed_form(request)
        if not form.get("From") or not form.get("To"):
            raise Invalid("The request is not an incoming message: it has no From or no To.")
        return Inbound(
            address=form["From"],
            sender_address=form["To"],
            text=form.get("Body", ""),
            reference=storable(form.get("MessageSid", ""), "MessageSid"),
            service=form.get("MessagingServiceSid", ""),
            opt_out_type=form.get("OptOutType", "").upper(),
        )

    def _signed_form(self, request: HookRequest) -> dict[str, str]:
        """Return the fields of a form. Raises BadSignature if the signature is wrong.

        It is over the public URL and all fields, blank ones too. Twilio signs the URL with or without its port and does
        not say which, so both are tried. Why the library's `RequestValidator` is not used:
        docs/adr/0031-twilio-signatures.md.
        """
        pairs = _fields(request.body)
        given = request.headers.get(SIGNATURE, "").encode()
        fields = "".join([name + value for name, value in sorted(set(pairs))])
        if not self._token or not (
            self._has_signed(request.url + fields, given)
            or self._has_signed(_with_or_without_port(request.url) + fields, given)
        ):
            ours = ("AccountSid", self._account_sid) in pairs
            raise BadSignature("The signature of the Twilio webhook is not valid.", looks_genuine=ours)
        return dict(pairs)

    def _has_signed(self, text: str, given: bytes) -> bool:
        return hmac.compare_digest(base64.b64encode(hmac.digest(self._token, text.encode(), "sha1")), given)


def _fields(body: bytes) -> list[tuple[str, str]]:
    """Parse a urlencoded form as `parse_qsl` does, with blank values, in about half the time.

    Raises BadSignature for more than MOST_FIELDS.
    """
    if body.count(b"&") >= MOST_FIELDS:
        raise BadSignature(f"The form has more than {MOST_FIELDS} fields, more than Twilio ever sends.")
    pairs = []
    for field in body.decode("utf-8", "replace").split("&"):
        name, _, value = field.partition("=")
        if "%" in field or "+" in field:
            name, value = _unquoted(name), _unquoted(value)
        if field:
            pairs.append((name, value))
    return pairs


def _unquoted(text: str) -> str:
    """Do what `unquote_plus` does, without its search for non-ASCII characters, which changes nothing here."""
    if "%" in text or "+" in text:
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")
    return text


def _with_or_without_port(url: str) -> str:
    """Return the URL with the default port if it has none, or without the port that it has."""
    parts = urlsplit(url)
    host, colon, _ = parts.netloc.partition(":")
    return parts._replace(netloc=host if colon else f"{host}:{PORTS.get(parts.scheme, 80)}").geturl()


def twiml(text: str | None, sender_address: str = "") -> str:
    """Return the answer to an incoming message as TwiML: a reply with `text`, or none if it is None. `sender_address`:
    the number of ours to reply from, if not the one that the resident wrote to."""
    response = MessagingResponse()
    if text is not None:
        response.message(text, from_=sender_address or None)
    return str(response)


def _create_form(message: Message) -> bytes:
    recipient = message.recipients[0]
    validity = ""
    if message.valid_for_s is not None:
        validity = f"&ValidityPeriod={min(max(message.valid_for_s, 1), LONGEST_VALIDITY_S)}"
    # A number is a plus sign and digits. `quote_plus` would be the most expensive step in making a message.
    number = recipient.address
    to = f"%2B{number[1:]}" if number.isascii() and number[1:].isdecimal() and number[0] == "+" else quote_plus(number)
    callback = f"{_quoted(message.callback_url)}%2Ftwilio%2Fstatus%2F{recipient.delivery_id}"
    shared = _shared_fields(message.content, message.sender_address)
    return f"To={to}&StatusCallback={callback}{validity}&{shared}".encode("ascii")


@lru_cache(maxsize=8)
def _quoted(url: str) -> str:
    return quote_plus(url)


@lru_cache(maxsize=64)
def _shared_fields(content: Content, sender_address: str) -> str:
    """Return the urlencoded fields that all messages of a batch share.

    SmartEncoded is off: with it Twilio replaces some characters by similar ones, so the resident would not get the
    approved text and `find` would not recognise it.
    """
    sender = "MessagingServiceSid" if _is_service(sender_address) else "From"
    return urlencode({sender: sender_address, "Body": content.text, "SmartEncoded": "false"})


def _is_service(sender_address: str) -> bool:
    return sender_address.startswith("MG")


def _is_same(listed: Any, message: Message, earliest: datetime) -> bool:
    """Return whether a listed message is this one: outgoing, same service and text, not created before `earliest`.

    Twilio may trim white space at the ends of a text.
    """
    service = listed.messaging_service_sid
    if not listed.sid or (_is_service(message.sender_address) and service and service != message.sender_address):
        return False
    if not str(listed.direction or "outbound-api").startswith("outbound"):
        return False
    if str(listed.body or "").strip() != message.content.text.strip():
        return False
    # Without a date, assume that it is this one rather than send it twice.
    return not isinstance(listed.date_created, datetime) or listed.date_created >= earliest
