"""What providers tell us, as PostgreSQL can keep it."""

import re

from notify.core.errors import Invalid

MOST_ID = 2**63 - 1  # bigint
LONGEST = 500
_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


def delivery_id(text: str) -> int | None:
    """None when it is not the id of a delivery. Raises Invalid for a number that cannot be one."""
    if not (text.isascii() and text.isdecimal()):
        return None
    if len(text) > len(str(MOST_ID)) or int(text) > MOST_ID:
        raise Invalid(f"A delivery id of {len(text)} digits is not one of ours.")
    return int(text)


def storable(text: str, what: str) -> str:
    """The text. Raises Invalid when PostgreSQL could not keep it, or nobody would want to."""
    if len(text) > LONGEST:
        raise Invalid(f"The {what} is longer than {LONGEST} characters.")
    if _UNPRINTABLE.search(text):
        raise Invalid(f"The {what} holds a NUL or half of a character.")
    return text
