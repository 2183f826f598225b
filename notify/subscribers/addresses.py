"""Phone numbers and emails in the one form that they are kept, compared and written to in."""

import re
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat

from notify import crypto

# Ten digits of North America as people write them: +1 215 555 0100, (215) 555-0100, 2155550100.
_TEN_DIGITS = re.compile(r"(?:\+?1[ .-]?)?\(?([2-9][0-9]{2})\)?[ .-]?([0-9]{3})[ .-]?([0-9]{4})")
# RFC 5321 section 4.1.2, without quoted strings and address literals, which no resident has.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_LOCAL, _LONGEST_EMAIL = 64, 254  # RFC 5321 section 4.5.3.1, RFC 3696 erratum 1690


def phone(text: str, region: str = "US") -> str | None:
    """E.164; None when it is no valid number. Numbers without a country code are of `region`."""
    if region == "US" and (ten := _TEN_DIGITS.fullmatch(text)):
        national = "".join(ten.groups())
        if _valid_in_us().fullmatch(national):
            return f"+1{national}"
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or number.extension:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@cache
def _valid_in_us() -> re.Pattern[str]:
    """What phonenumbers takes for a valid US number of ten digits, in one expression of its own patterns.

    phonenumbers asks the regions of +1 in turn, the US first, and a number is valid when one of the region's types
    fits. So what fits here is valid; what does not must be asked in full (it may be Canadian). 40 times as fast.
    """
    us = PhoneMetadata.metadata_for_region("US")
    assert us is not None  # noqa: S101  phonenumbers knows the US
    kinds = (
        us.fixed_line, us.mobile, us.toll_free, us.premium_rate, us.shared_cost, us.personal_number, us.voip, us.pager,
        us.uan, us.voicemail,
    )  # fmt: skip
    patterns = [kind.national_number_pattern for kind in kinds if kind is not None and 10 in kind.possible_length]
    assert us.general_desc is not None  # noqa: S101
    return re.compile(f"(?={us.general_desc.national_number_pattern}$)(?:{'|'.join(p for p in patterns if p)})")


def email(text: str) -> str | None:
    """With its domain in lower case and ASCII (IDNA); None when it cannot be one."""
    local, at, domain = text.strip().rpartition("@")
    if not (at and len(local) <= _LONGEST_LOCAL and _LOCAL.fullmatch(local)):
        return None
    domain = domain.lower()
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return None
    labels = domain.split(".")
    if len(labels) < 2 or labels[-1].isdecimal() or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    address = f"{local}@{domain}"
    return address if len(address) <= _LONGEST_EMAIL else None


def index(channel: str, address: str) -> bytes:
    """The keyed index of an address in its kept form. Emails that differ in case only are one: nobody gives two
    people such a pair, and a resident who left as Tom@ must not be written to as tom@."""
    return crypto.address_index(channel, address.lower() if channel == "email" else address)


def any_index(channel: str, given: str) -> bytes:
    """The index of an address as somebody gave it; what is no good address (a short code) is taken as it stands."""
    kept = phone(given) if channel == "sms" else email(given) if channel == "email" else None
    return index(channel, kept or given.strip())


def masked(channel: str, address: str) -> str:
    """Enough for its owner to recognise: `j***@example.org`, `***00`."""
    if channel == "email":
        local, _, domain = address.rpartition("@")
        return f"{local[:1]}***@{domain}"
    return f"***{address[-2:]}"
