"""Spell a number in words, in English and Spanish, so that nobody misreads how many people an alert reaches."""

import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict

from templates import NUMBERS

HIGHEST = 10**12 - 1


class Spelling(BaseModel):
    """`small`: the numbers from 0 with a word of their own. `thousand`: 1000 alone; `thousands`: after a number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    small: tuple[str, ...]
    tens: tuple[str, ...]
    joint: str
    hundreds: tuple[str, ...]
    hundred: str
    thousand: str
    thousands: str
    million: str
    millions: str


def spelled(number: int, language: str = "en") -> str:
    """Return a number in words, as before a (masculine) noun: `twenty-one thousand three hundred`.

    In English for a language that we cannot spell. Numbers below zero or above `HIGHEST` stay in digits.
    """
    if not 0 <= number <= HIGHEST:
        return f"{number:,}"
    known = _spellings()
    return _millions(number, known.get(language) or known["en"])


def _millions(number: int, by: Spelling) -> str:
    millions, rest = divmod(number, 10**6)
    if not millions:
        return _thousands(rest, by)
    said = by.million if millions == 1 else f"{_thousands(millions, by)} {by.millions}"
    return f"{said} {_thousands(rest, by)}" if rest else said


def _thousands(number: int, by: Spelling) -> str:
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _hundreds(rest, by)
    said = by.thousand if thousands == 1 else f"{_hundreds(thousands, by)} {by.thousands}"
    return f"{said} {_hundreds(rest, by)}" if rest else said


def _hundreds(number: int, by: Spelling) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _tens(rest, by)
    if number == 100:
        return by.hundred
    said = by.hundreds[hundreds - 1]
    return f"{said} {_tens(rest, by)}" if rest else said


def _tens(number: int, by: Spelling) -> str:
    if number < len(by.small):
        return by.small[number]
    tens, rest = divmod(number, 10)
    said = by.tens[tens - 2]
    return f"{said}{by.joint}{by.small[rest]}" if rest else said


@cache
def _spellings() -> dict[str, Spelling]:
    return {
        path.stem: Spelling.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        for path in NUMBERS.glob("*.toml")
    }
