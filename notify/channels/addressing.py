"""Addresses of the recipients and senders of a channel."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr

from notify.core import emails, phones
from notify.core.errors import Invalid

# What Twilio sends from: https://www.twilio.com/docs/messaging/api/message-resource (From, MessagingServiceSid).
# Alphanumeric senders are not accepted: residents cannot reply STOP to them.
SHORT_CODE = re.compile(r"[0-9]{5,6}")
MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
OF_SMS = (
    "Give a number as +15555550100, a short code of 5 or 6 digits, or the SID of a Messaging Service, which is MG and "
    "32 hexadecimal digits."
)
OF_EMAIL = "Give an address as alerts@city.example or City <alerts@city.example>."


def unchanged(address: str) -> str:
    return address


@dataclass(frozen=True, slots=True)
class Addressing:
    """A kind of address.

    `kept`: converts an address as given to the form that is stored and sent to; raises ValueError (NotAPhone,
    NotAnEmail). `compared`: converts the stored form to one that is equal for all addresses of one mailbox. `masked`:
    shows enough for its owner to recognise. `timeline`: the recipient is a timeline of the city, not a resident.
    """

    kept: Callable[[str], str]
    masked: Callable[[str], str]
    compared: Callable[[str], str] = unchanged
    timeline: bool = False


def _ending(address: str) -> str:
    return f"***{address[-2:]}"


def _masked_email(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def number_to_send_from(address: str) -> str:
    """Return E.164, so that replies and receipts match it, or a short code or Messaging Service. Raises Invalid."""
    if SHORT_CODE.fullmatch(address) or MESSAGING_SERVICE.fullmatch(address):
        return address
    try:
        return phones.e164(phones.read(address))
    except phones.NotAPhone as error:
        raise Invalid(f"{address!r} is not a valid sender: {error}", hint=OF_SMS) from None


def email_to_send_from(address: str) -> str:
    """Return `alerts@city.example` or `City <alerts@city.example>`. Raises Invalid."""
    email = parseaddr(address)[1] if "<" in address else address
    try:
        return address.replace(email, emails.read(email)) if email else emails.read(address)
    except emails.NotAnEmail as error:
        raise Invalid(f"{address!r} is not a valid sender: {error}", hint=OF_EMAIL) from None


# E.164. A number without a country code is taken as a US number.
PHONE = Addressing(phones.valid, _ending)
# Addresses that differ only in case are the same: they belong to one person, and a resident who left as Tom@ must not
# get email as tom@.
EMAIL = Addressing(emails.read, _masked_email, str.lower)
TIMELINE = Addressing(str.strip, _ending, timeline=True)
