"""SendGrid's Event Webhook: check its signature and turn its events into receipts.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

import base64
import json
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from notify.channels.contract import ABOUT_ADDRESS, Blame, HookRequest, Receipt, Receipts, ReceiptState, Suppress
from notify.channels.reading import delivery_id, storable
from notify.core.errors import BadSignature, Invalid

ARGUMENT = "tocsin"  # our custom argument, "<delivery id>.<proof>": other systems may use the same account
BARE_ARGUMENT = "delivery"  # the id alone, in mail of earlier versions

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

# SendGrid tries for 24 hours and does not say whether each try gets a new signature, so a shorter limit could lose the
# receipts of an outage of ours. A replay changes nothing: receipts are facts, and an opt-out counts once per event key.
SKEW_S = 3_600  # between our clock and theirs
OLDEST_S = 24 * 3_600 + SKEW_S

STATES = {
    "processed": ReceiptState.ACCEPTED,
    "deferred": ReceiptState.ACCEPTED,
    "delivered": ReceiptState.DELIVERED,
    "bounce": ReceiptState.UNDELIVERED,
    "blocked": ReceiptState.UNDELIVERED,  # a type of bounce; in older accounts an event of its own
    "dropped": ReceiptState.FAILED,
}
# Events about the person, not about the delivery.
WISHES: dict[str, Suppress] = {
    "spamreport": "complaint",
    "unsubscribe": "opt-out",
    "group_unsubscribe": "opt-out",
}
# Reasons why SendGrid did not try, in lower case: it keeps a suppression list of its own.
DROPPED: dict[str, Suppress] = {
    "bounced address": "hard-bounce",
    "invalid": "invalid",
    "unsubscribed address": "opt-out",
    "spam reporting address": "complaint",
}
# Drops that are not the recipient's fault. Reason -> our code, and who is at fault.
OUR_DROPS: dict[str, tuple[str, Blame]] = {
    "recipient list over package quota": ("over-quota", "us"),
    "spam content": ("spam-content", "filter"),
    "spam content (if spam checker app is enabled)": ("spam-content", "filter"),
}
# RFC 3463: 5.1.1 no such mailbox, 5.1.2 no such host, 5.1.3 not an address, 5.1.6 moved away, 5.2.1 mailbox
# disabled; RFC 7505: 5.1.10 the domain takes no mail. Not 5.2.2 (full), 5.1.7, 5.1.8 (our address) or 5.7 (policy).
GONE = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
ENHANCED_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


def read_public_key(text: str) -> ec.EllipticCurvePublicKey | None:
    """Read the key as SendGrid shows it, base64 of DER. Return None if it is missing or not valid."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def read_events(key: ec.EllipticCurvePublicKey | None, request: HookRequest) -> Receipts:
    """Return the receipts in a signed webhook. Raises BadSignature, or Invalid if it is not a list.

    An event that cannot be read is set aside: if the webhook were refused, all its events would come again for 24
    hours. Opens and clicks are left out, and so are events of mail that is not ours, unless they show that an address
    is dead or has complained.
    """
    _check_signature(key, request)
    # A byte that is not UTF-8 only damages the string that it is in.
    events, unreadable = _events(request.body.decode("utf-8-sig", errors="replace"))
    receipts = []
    for event in events:
        try:
            receipt = _receipt(event) if isinstance(event, dict) else None
        except Invalid as error:
            unreadable.append(error.message)
        else:
            receipts += [receipt] if receipt else []
    return Receipts(receipts, unreadable)


# Brackets and commas, which separate the events of a list; also whole strings, to skip those inside.
_MARKS = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[\[\]{},]', re.DOTALL)


def _events(body: str) -> tuple[list[object], list[str]]:
    """Return the events, and a sentence for each that is not JSON or is nested too deep. Raises Invalid for no list."""
    try:
        events = json.loads(body, parse_int=_number)
    except (ValueError, RecursionError):
        return _one_by_one(body)
    if not isinstance(events, list):
        raise _not_a_list()
    return events, []


def _one_by_one(body: str) -> tuple[list[object], list[str]]:
    events: list[object] = []
    unreadable = []
    for event in _split(body.strip()):
        try:
            events.append(json.loads(event, parse_int=_number))
        except ValueError:
            unreadable.append("An event is not valid JSON.")
        except RecursionError:
            unreadable.append("An event is nested too deeply.")
    return events, unreadable


def _split(body: str) -> list[str]:
    """Return the source text of each event. Raises Invalid if the body is not a list."""
    if not (body.startswith("[") and body.endswith("]")):
        raise _not_a_list()
    events, depth, begin = [], 0, 1
    for mark in _MARKS.finditer(body):
        sign = mark[0]
        if sign in {"[", "{"}:
            depth += 1
        elif sign in {"]", "}"}:
            depth -= 1
        if (sign == "," and depth == 1) or mark.end() == len(body):
            events.append(body[begin : mark.start()])
            begin = mark.end()
    return events


def _not_a_list() -> Invalid:
    return Invalid("The body is not a JSON list of SendGrid events.")


def _check_signature(key: ec.EllipticCurvePublicKey | None, request: HookRequest) -> None:
    """Raise BadSignature unless the raw bytes were signed, and recently. (The library's verifier takes only text.)"""
    if key is None:
        raise BadSignature(
            "SendGrid webhooks cannot be verified without a valid public key.",
            hint="Set TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY to the verification key of the Event Webhook.",
            looks_genuine=True,
        )
    stamp = request.headers.get(TIMESTAMP, "")
    try:
        signature = base64.b64decode(request.headers.get(SIGNATURE, ""), validate=True)
    except ValueError:  # not base64, so not SendGrid's
        raise BadSignature("The signature of the SendGrid webhook is not valid.") from None
    try:
        key.verify(signature, stamp.encode() + request.body, ec.ECDSA(SHA256()))
    except InvalidSignature:
        genuine = _is_signature(signature)
        raise BadSignature("The signature of the SendGrid webhook is not valid.", looks_genuine=genuine) from None
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or not -SKEW_S <= request.came_at.timestamp() - int(stamp) <= OLDEST_S:
        raise BadSignature(
            "The SendGrid webhook was signed too long ago or in the future.",
            hint="If SendGrid sent it just now, correct this machine's clock.",
        )


def _number(digits: str) -> int | str:
    """Return a number longer than any of SendGrid's as text: Python refuses to convert 5,000 digits."""
    return int(digits) if len(digits) < 20 else digits


def _is_signature(given: bytes) -> bool:
    """Return whether this has the form of a signature, by any key."""
    try:
        decode_dss_signature(given)
    except ValueError:
        return False
    return True


def _receipt(event: Mapping[str, object]) -> Receipt | None:
    name = _text(event, "event")
    if name == "bounce" and _text(event, "type") == "blocked":
        name = "blocked"
    if name not in STATES and name not in WISHES:
        return None
    delivery, proof = _argument(event)
    suppress = WISHES.get(name, "")
    code = ""
    if name in {"bounce", "blocked"}:
        code = _status(event)
        suppress = "hard-bounce" if name == "bounce" and _is_gone(event, code) else ""
    elif name == "dropped":
        reason = _text(event, "reason").lower()
        suppress = DROPPED.get(reason, "")
        # An unknown reason may hold an address, so it must not become a code (law 9).
        code = reason.replace(" ", "-") if suppress else OUR_DROPS.get(reason, ("dropped", None))[0]
    if delivery is None and suppress not in ABOUT_ADDRESS:
        return None
    return Receipt(
        delivery_id=delivery,
        state=STATES.get(name),
        code=code,
        reference=storable(_reference(event), "sg_message_id"),
        event_key=storable(_text(event, "sg_event_id"), "sg_event_id"),
        suppress=suppress,
        blame=_blame(event, name, suppress),
        address=storable(_text(event, "email"), "email"),
        proof=proof,
    )


def _argument(event: Mapping[str, object]) -> tuple[int | None, str]:
    """Return the delivery id and its proof."""
    number, dot, proof = storable(_text(event, ARGUMENT), "custom argument").partition(".")
    if number:
        return (delivery_id(number), proof) if dot and proof else (None, "")
    return delivery_id(_text(event, BARE_ARGUMENT)), ""


def _status(event: Mapping[str, object]) -> str:
    """Return the enhanced status code, from the server's text if the field is missing or unspecific (5.0.0)."""
    given = ENHANCED_STATUS.fullmatch(_text(event, "status"))
    if given and given[0] != "5.0.0":
        return given[0]
    said = ENHANCED_STATUS.search(_text(event, "reason"))
    return said[0] if said else (given[0] if given else "")


def _is_gone(event: Mapping[str, object], status: str) -> bool:
    return status in GONE or _text(event, "bounce_classification") == "Invalid Address"


def _blame(event: Mapping[str, object], name: str, suppress: Suppress) -> Blame | None:
    if name in {"bounce", "dropped"} and suppress:
        return "recipient"
    if name == "dropped":
        return OUR_DROPS.get(_text(event, "reason").lower(), ("", "provider"))[1]
    return "provider" if name in {"bounce", "blocked"} else None


def _reference(event: Mapping[str, object]) -> str:
    """Return the X-Message-Id of the request: sg_message_id without the machine names that SendGrid appends."""
    return re.split(r"(?:^|\.)(?:filter|recvd-)", _text(event, "sg_message_id"), maxsplit=1)[0]


def _text(event: Mapping[str, object], field: str) -> str:
    value = event.get(field)
    return str(value) if isinstance(value, str | int) else ""
