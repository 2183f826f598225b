"""The name of the session's cookie."""

from notify.core.settings import settings


def cookie_name() -> str:
    """Return the cookie's name. Browsers accept the prefix only from this host and over HTTPS (RFC 6265bis)."""
    return "__Host-tocsin" if is_https() else "tocsin"


def is_https() -> bool:
    return settings().public_url.startswith("https://")
