"""What the fields of a working draft are called, and who its operators are."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.writing import working_drafts
from notify.channels.channel import CHANNELS
from notify.content.events import Event
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop, translated
from notify.models import Operator


def names_of(s: Session) -> dict[int, str]:
    """The emails of operators, by id."""
    return {one.id: one.email for one in s.scalars(select(Operator))}


def zone_names(s: Session) -> dict[int, str]:
    """The names of current zones, by id."""
    return {zone: name.partition(":")[2] for zone, name in working_drafts.current_zones(s).items()}


def label(event: Event, phase: str, name: str, zones: Mapping[int, str]) -> str:
    """A field's name, as its form calls it."""
    start, _dot, rest = name.partition(".")
    if start == "blank":
        bare, _dot, language = rest.partition(".")
        found = next((translated(blank.label) for blank in event.blanks(phase) if blank.name == bare), bare)
        return f"{found} ({language})" if language else found
    if start in {"zone", "but"}:
        zone = zones.get(int(rest), _("a zone that was retired"))
        return zone if start == "zone" else _("%(zone)s, left out", zone=zone)
    if start == "channel":
        return _(CHANNELS[rest].label) if rest in CHANNELS else rest
    return _(LABELS.get(start, start)) + (f" ({rest})" if rest and start == "area_name" else "")


LABELS = {
    "earlier": gettext_noop("The earlier area"),
    "streets": gettext_noop("Streets"),
    "around": gettext_noop("Middle of the circle"),
    "radius": gettext_noop("Radius"),
    "area": gettext_noop("Drawn area"),
    "but_streets": gettext_noop("Streets left out"),
    "but_area": gettext_noop("Drawn area left out"),
    "area_name": gettext_noop("What residents call the area"),
    "severity": gettext_noop("Severity"),
    "urgency": gettext_noop("Urgency"),
    "certainty": gettext_noop("Certainty"),
    "status": gettext_noop("Real or practice"),
    "lasts": gettext_noop("How long it lasts"),
    "expires_at": gettext_noop("When it ends"),
    "launch_at": gettext_noop("When to launch"),
    "confirm": gettext_noop("Doubt about the area"),
}
