"""The labels of places, such as home or work, are stored in clear: none may be an address.

Other vendors' files repeat the street address in the name of the location, and people type what they like.
"""

import re

from notify.core.logs import scrub

_NUMBER = re.compile(r"\d{2,}[a-z]?", re.IGNORECASE)
# With a number beside it, it is an address: Elm St 7, #12 Main St, Calle Mayor 7.
_STREETS = frozenset({
    "st", "street", "ave", "avenue", "av", "rd", "road", "blvd", "boulevard", "dr", "drive", "ln", "lane", "ct",
    "court", "pl", "way", "pkwy", "hwy", "ter", "terrace", "cir", "circle", "sq", "apt", "unit", "ste", "suite",
    "calle", "avenida", "camino", "paseo", "carrera", "plaza",
})  # fmt: skip
_HOUSE = re.compile(
    r"\d\S*\s+(?:[^\W\d]+\.?\s+){1,3}(?:st|street|ave|avenue|rd|road|blvd|boulevard|dr|drive|ln|lane)\b"
    r"|\b(?:calle|avenida)\s+(?:[^\W\d]+\s+){1,3}\d",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]+")
_EMAIL = re.compile(r"[^\s'\"]@\w")  # not a formula of a spreadsheet, such as @SUM(A1)


def is_private(label: str) -> bool:
    """Return whether a label may be a phone number, an email or a street address.

    A number at the beginning (4 Elm St), of two digits or more beside words (Calle Mayor 12), or beside the word for a
    street (Elm St 7) is one of a house. `Home 2` is not.
    """
    words = label.replace(",", " ").split()
    digits = sum(map(str.isdecimal, label))
    if _EMAIL.search(label) or scrub(label) != label or digits >= 7:
        return True
    if digits and not _STREETS.isdisjoint(_LETTERS.findall(label.casefold())):
        return True
    return len(words) > 1 and (words[0].isdecimal() or any(_NUMBER.fullmatch(word) for word in words))


def names_a_house(text: str) -> bool:
    """Return whether a sentence has a street address with a number in it."""
    return _HOUSE.search(text) is not None


def parted(label: str, address: str, instead: str) -> tuple[str, str]:
    """Return a label that may be stored in clear, and the address to seal: a private label becomes the address unless
    there is one."""
    return (instead, address or label) if is_private(label) else (label, address)
