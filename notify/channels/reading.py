"""What providers tell us, as PostgreSQL can keep it."""

import re

from notify.core.errors import Invalid

MOST_ID = 2**63 - 1  # bigint
LONGEST = 500
PORTS = {"http": 80, "https": 443}
_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


def is_same_address(one: str, other: str) -> bool:
    """Whether two URLs reach the same route of ours, which redirects nobody: a slash at the end makes another address.

    Only what RFC 3986, sections 6.2.2.1 and 6.2.3, calls equal is: the case of scheme and host, and the usual port.
    """
    return _normal(one) == _normal(other)


def _normal(url: str) -> tuple[str, str, str]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    scheme = scheme.lower()
    return scheme, host.lower().removesuffix(f":{PORTS.get(scheme)}"), slash + path


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
