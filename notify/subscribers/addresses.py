"""Phone numbers and emails in the one form that they are kept, compared and written to in."""

import re
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata

from notify.core import crypto, emails, phones

# Ten digits of North America as people write them: +1 215 555 0100, (215) 555-0100, 2155550100.
_TEN_DIGITS = re.compile(r"(?:\+?1[ .-]?)?\(?([2-9][0-9]{2})\)?[ .-]?([0-9]{3})[ .-]?([0-9]{4})")


def phone(text: str, region: str = "US") -> str:
    """E.164. Raises NotAPhone unless it is a valid number. Numbers without a country code are of `region`."""
    if region == "US" and (ten := _TEN_DIGITS.fullmatch(text)):
        national = "".join(ten.groups())
        if _valid_in_us().fullmatch(national):
            return f"+1{national}"
    number = phones.read(text, region)
    if not phonenumbers.is_valid_number(number):
        raise phones.NotAPhone("this is not a phone number that exists.")
    return phones.e164(number)


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


def index(channel: str, address: str) -> bytes:
    """The keyed index of an address in its kept form."""
    return crypto.address_index(channel, address)


def any_index(channel: str, given: str) -> bytes:
    """The index of an address as somebody gave it; what is no good address (a short code) is taken as it stands."""
    try:
        kept = phone(given) if channel == "sms" else emails.read(given) if channel == "email" else given.strip()
    except (phones.NotAPhone, emails.NotAnEmail):
        kept = given.strip()
    return index(channel, kept)


def masked(channel: str, address: str) -> str:
    """Enough for its owner to recognise: `j***@example.org`, `***00`."""
    if channel == "email":
        local, _, domain = address.rpartition("@")
        return f"{local[:1]}***@{domain}"
    return f"***{address[-2:]}"
