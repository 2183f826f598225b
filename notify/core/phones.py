"""Read phone numbers as people and spreadsheets write them. Doubtful ones are refused: they may be somebody else's."""

import re
import unicodedata
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult

from notify.core.translation import gettext as _

# phonenumbers finds a number in any text: it drops a decimal point, reads E as 3 and # as an extension.
_WRITTEN = re.compile(r"\+?[0-9 ().\-\u2010-\u2015\u2212]+")
_LETTERS_TOO = re.compile(r"\+?[0-9A-Za-z ().\-\u2010-\u2015\u2212]+")  # 1-800-FLOWERS
_OF_A_SPREADSHEET = re.compile(r"[0-9]+(?:[.,][0-9]*)?E[+-]?[0-9]+|\+?[0-9]{7,}[.,]0+", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:#|;ext=|(?<![a-z])(?:extension|ext|x))[ .:]*[0-9]+\s*$", re.IGNORECASE)
# Ten digits of North America as people write them: +1 215 555 0100, (215) 555-0100, 2155550100.
_TEN_DIGITS = re.compile(r"(?:\+?1[ .-]?)?\(?([2-9][0-9]{2})\)?[ .-]?([0-9]{3})[ .-]?([0-9]{4})")


class NotAPhone(ValueError):
    """Not a phone number. The text completes a sentence that begins with the field's name; it omits the number."""


def read(text: str, region: str = "US", *, letters: bool = False, local: bool = False) -> PhoneNumber:
    """Parse a phone number. Raises NotAPhone unless numbers of this length exist.

    `region` (ISO 3166) applies to numbers without a country code. `letters`: letters may stand for digits. `local`: the
    area code may be missing.
    """
    written = unicodedata.normalize("NFKC", text).strip().lstrip("'").strip()
    if written[:4].lower() == "tel:":
        written = written[4:].strip()
    if _OF_A_SPREADSHEET.fullmatch(written):
        raise NotAPhone(
            _("a spreadsheet has turned it into a decimal number. Format the column as text and enter it again.")
        )
    if _EXTENSION.search(written):
        raise NotAPhone(_("it has an extension, which cannot be texted. Give a number without one."))
    if not (_LETTERS_TOO if letters else _WRITTEN).fullmatch(written):
        raise NotAPhone(_("this is not a phone number. Give one number, in digits."))
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        raise NotAPhone(_("this is not a phone number.")) from None
    possible = phonenumbers.is_possible_number_with_reason(number)
    allowed = {ValidationResult.IS_POSSIBLE} | ({ValidationResult.IS_POSSIBLE_LOCAL_ONLY} if local else set())
    if possible not in allowed or number.extension:
        raise NotAPhone(_("this is not a phone number."))
    return number


def valid(text: str, region: str = "US") -> str:
    """The number in E.164. Raises NotAPhone unless it is valid. `region` applies to numbers without a country code."""
    if region == "US" and (ten := _TEN_DIGITS.fullmatch(text)):
        national = "".join(ten.groups())
        if _valid_in_us().fullmatch(national):
            return f"+1{national}"
    number = read(text, region)
    if not phonenumbers.is_valid_number(number):
        raise NotAPhone(_("this is not a phone number that exists."))
    return e164(number)


@cache
def _valid_in_us() -> re.Pattern[str]:
    """One expression, built from the patterns of phonenumbers, that matches the valid US numbers of ten digits.

    phonenumbers tries the regions of +1 in turn, the US first, and a number is valid when it matches one of the
    region's types. A match here is therefore valid; any other number (it may be Canadian) needs the full check, which
    is 40 times slower.
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
    """Whether a number lacks its area code, as 555-0123 does."""
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE_LOCAL_ONLY


def is_short(text: str, region: str = "US") -> bool:
    """Whether it is a number such as 311, 911 or 988, or a short code, which is dialled and printed as it is."""
    return bool(re.fullmatch(r"[0-9]{3,6}", text, re.ASCII)) and phonenumbers.is_valid_short_number_for_region(
        phonenumbers.parse(text, region), region
    )


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def local_form(number: PhoneNumber) -> str:
    """The number as its country writes it: 555-0123."""
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


# The USA with its territories, and Canada: a text there costs what the city expects.
_NEAR = frozenset({"US", "PR", "VI", "GU", "AS", "MP", "CA"})


def costs_more(number: str) -> bool:
    """Return whether a text to this number (E.164) may cost far more than one at home: it is abroad, also in +1
    (Jamaica), or a premium number. Those who pump texts for a share of the fee have such numbers.
    """
    parsed = phonenumbers.parse(number)
    is_premium = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.PREMIUM_RATE
    return is_premium or phonenumbers.region_code_for_number(parsed) not in _NEAR
