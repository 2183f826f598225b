"""Phone numbers as people and spreadsheets write them, read strictly: a doubtful one is not somebody else's number."""

import re
import unicodedata
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult

# phonenumbers is made to find a number in any text: it drops a decimal point, takes E for a 3 and # for an extension.
_WRITTEN = re.compile(r"\+?[0-9 ().\-\u2010-\u2015\u2212]+")
_LETTERS_TOO = re.compile(r"\+?[0-9A-Za-z ().\-\u2010-\u2015\u2212]+")  # 1-800-FLOWERS
_OF_A_SPREADSHEET = re.compile(r"[0-9]+(?:[.,][0-9]*)?E[+-]?[0-9]+|\+?[0-9]{7,}[.,]0+", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:#|;ext=|(?<![a-z])(?:extension|ext|x))[ .:]*[0-9]+\s*$", re.IGNORECASE)
# Ten digits of North America as people write them: +1 215 555 0100, (215) 555-0100, 2155550100.
_TEN_DIGITS = re.compile(r"(?:\+?1[ .-]?)?\(?([2-9][0-9]{2})\)?[ .-]?([0-9]{3})[ .-]?([0-9]{4})")


class NotAPhone(ValueError):
    """Its text ends a sentence that begins with the name of the field, and never holds the number."""


def read(text: str, region: str = "US", *, letters: bool = False, local: bool = False) -> PhoneNumber:
    """The number that is written here. Raises NotAPhone, unless numbers of this length exist.

    `region` (ISO 3166) is where numbers without a country code are. `letters`: it may be spelled. `local`: it may lack
    its area code.
    """
    written = unicodedata.normalize("NFKC", text).strip().lstrip("'").strip()
    if written[:4].lower() == "tel:":
        written = written[4:].strip()
    if _OF_A_SPREADSHEET.fullmatch(written):
        raise NotAPhone("a spreadsheet has made a decimal number of it. Format the column as text and enter it again.")
    if _EXTENSION.search(written):
        raise NotAPhone("it has an extension, which cannot be texted. Give a number without one.")
    if not (_LETTERS_TOO if letters else _WRITTEN).fullmatch(written):
        raise NotAPhone("this is not a phone number. Give one number, in digits.")
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        raise NotAPhone("this is not a phone number.") from None
    possible = phonenumbers.is_possible_number_with_reason(number)
    allowed = {ValidationResult.IS_POSSIBLE} | ({ValidationResult.IS_POSSIBLE_LOCAL_ONLY} if local else set())
    if possible not in allowed or number.extension:
        raise NotAPhone("this is not a phone number.")
    return number


def valid(text: str, region: str = "US") -> str:
    """E.164. Raises NotAPhone unless it is a valid number. Numbers without a country code are of `region`."""
    if region == "US" and (ten := _TEN_DIGITS.fullmatch(text)):
        national = "".join(ten.groups())
        if _valid_in_us().fullmatch(national):
            return f"+1{national}"
    number = read(text, region)
    if not phonenumbers.is_valid_number(number):
        raise NotAPhone("this is not a phone number that exists.")
    return e164(number)


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


def is_local(number: PhoneNumber) -> bool:
    """It lacks its area code, as 555-0123 does."""
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE_LOCAL_ONLY


def is_short(text: str, region: str = "US") -> bool:
    """311, 911, 988 or a short code of five or six digits: it is dialled and printed as it is."""
    return bool(re.fullmatch(r"[0-9]{3,6}", text, re.ASCII)) and phonenumbers.is_valid_short_number_for_region(
        phonenumbers.parse(text, region), region
    )


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def local_form(number: PhoneNumber) -> str:
    """As its country writes it: 555-0123."""
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
