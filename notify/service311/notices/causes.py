"""Why collections are called off: a choice and not a text, so that one agent may tell it in every language."""

from collections.abc import Mapping

from notify.core.translation import gettext_noop
from notify.service311.outputs.words import HOLIDAYS

CAUSES: Mapping[str, str] = {
    "snow": gettext_noop("Snow"),
    "ice": gettext_noop("Ice"),
    "storm": gettext_noop("Storm"),
    "flood": gettext_noop("Flooding"),
    "heat": gettext_noop("Heat"),
    "closed": gettext_noop("Closed streets"),
    "crews": gettext_noop("Too few crews"),
    "trucks": gettext_noop("Trucks out of service"),
    "strike": gettext_noop("Strike"),
}


def is_ours(because: str) -> bool:
    """Whether a reason is one of those that Tocsin knows, and not what somebody typed as one, or as the name of a
    holiday."""
    said = because.rstrip(".")
    return said in HOLIDAYS or said in CAUSES.values()
