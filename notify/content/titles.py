"""What operators call an alert: after what it warns of, as its messages do, and its phase."""

from collections.abc import Mapping
from typing import Any

from notify.content.catalogue import catalogue
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.core.translation import translated
from notify.core.vocabulary import word


def name(event: str, blanks: Mapping[str, Any]) -> str:
    """Return what an alert with these blanks warns of: "Tornado" rather than "Storm"."""
    try:
        return translated(catalogue().event(event).name_for(blanks))
    except NotFound:  # an event that was taken out of the catalogue
        return word(event).capitalize()


def title(event: str, phase: str, blanks: Mapping[str, Any]) -> str:
    said = name(event, blanks)
    if phase == "issue":
        return _("%(event)s alert", event=said)
    return _("%(event)s update", event=said) if phase == "update" else _("%(event)s all-clear", event=said)
