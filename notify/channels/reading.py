"""Validate values from providers, so that PostgreSQL can store them."""

import re

from notify.core.errors import Invalid

MOST_ID = 2**63 - 1  # bigint
LONGEST = 500
PORTS = {"http": 80, "https": 443}
_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


def is_same_address(one: str, other: str) -> bool:
    """Return whether two URLs reach the same route of ours. A slash at the end matters: our routes do not redirect.

    By RFC 3986, sections 6.2.2.1 and 6.2.3, the case of scheme and host and the default port do not matter.
    """
    return _normal(one) == _normal(other)


def _normal(url: str) -> tuple[str, str, str]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    scheme = scheme.lower()
    return scheme, host.lower().removesuffix(f":{PORTS.get(scheme)}"), slash + path


def delivery_id(text: str) -> int | None:
    """Return the delivery id, or None if the text is not a number. Raises Invalid for a number too large to be one."""
    if not (text.isascii() and text.isdecimal()):
        return None
    if len(text) > len(str(MOST_ID)) or int(text) > MOST_ID:
        raise Invalid(f"A delivery id of {len(text)} digits is out of range.")
    return int(text)


def storable(text: str, what: str) -> str:
    """Return the text. Raises Invalid if PostgreSQL cannot store it, or if it is too long."""
    if len(text) > LONGEST:
        raise Invalid(f"The {what} has {len(text)} characters; the most is {LONGEST}.")
    if _UNPRINTABLE.search(text):
        raise Invalid(f"The {what} contains a NUL character or half of a surrogate pair.")
    return text
