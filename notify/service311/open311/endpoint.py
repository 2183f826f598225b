"""The endpoint that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notify.channels.http.blocking import BlockingClient
from notify.channels.http.outbound import Outbound
from notify.core import server_addresses
from notify.core.errors import Unavailable as NotSet
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.service311.open311.client import Dialect, Open311

EXAMPLE = (
    "https://311.example.gov/open311/v2 format=xml page_size=100 pages=no zone_in_dates=no key_to_read=yes"
    " near=yes jurisdiction=example.gov"
)


@contextmanager
def opened(settings: Settings) -> Iterator[Open311]:
    """Open the connections to the city's request system. Raises NotSet (`core.errors.Unavailable`) if the settings
    name none, or one that cannot be understood."""
    root, dialect = parsed(settings.open311, settings.simulator_url)
    with BlockingClient(Outbound.of(settings)) as asker:
        yield Open311(root, asker, settings.tz, settings.open311_key.get_secret_value(), dialect)


def parsed(said: str, simulator_url: str = "") -> tuple[str, Dialect]:
    """Return the address of an endpoint and its dialect. Raises NotSet.

    `simulator_url`: of the stack's simulators, which may be asked without https.
    """
    root, *words = said.split() or [""]
    if not root:
        raise NotSet(_("TOCSIN_OPEN311 names no request system."), hint=hint())
    simulated = simulator_url and root.startswith(f"{simulator_url}/")
    if not (simulated or server_addresses.is_https(root)):
        raise NotSet(_("TOCSIN_OPEN311 does not begin with an https address."), hint=hint())
    given: dict[str, Any] = {}
    for word in words:
        name, _equals, value = word.partition("=")
        read = _READ.get(name, {}).get(value, value if name == "jurisdiction" else None)
        if name == "page_size" and value.isascii() and value.isdecimal() and 1 <= int(value) <= 1000:
            read = int(value)
        if read in (None, "") or name in given:
            raise NotSet(_("TOCSIN_OPEN311 says “%(word)s”, which is not understood.", word=word), hint=hint())
        given[name] = read
    return root, Dialect(**given)


def hint() -> str:
    """Return how the setting is written."""
    return _(
        "Write TOCSIN_OPEN311 as the https address up to the version, and what differs from the specification:"
        " %(example)s",
        example=EXAMPLE,
    )


_YES_NO = {"yes": True, "no": False}
_READ: dict[str, dict[str, Any]] = {
    "format": {"json": "json", "xml": "xml"},
    "pages": _YES_NO,
    "zone_in_dates": _YES_NO,
    "key_to_read": _YES_NO,
    "near": _YES_NO,
}
