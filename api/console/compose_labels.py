"""What the fields of a working draft are called, and who its operators are."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts import working_drafts
from notify.channels.channel import CHANNELS
from notify.content.events import Event
from notify.models import Operator


def names_of(s: Session) -> dict[int, str]:
    """The emails of operators, by id."""
    return {one.id: one.email for one in s.scalars(select(Operator))}


def zone_names(s: Session) -> dict[int, str]:
    """The names of current zones, by id."""
    return {zone: name.partition(":")[2] for zone, name in working_drafts.current_zones(s).items()}


def label(event: Event, phase: str, name: str, zones: Mapping[int, str]) -> str:
    """A field's name, as its form calls it."""
    start, _, rest = name.partition(".")
    if start == "blank":
        bare, _, language = rest.partition(".")
        found = next((blank.label for blank in event.blanks(phase) if blank.name == bare), bare)
        return f"{found} ({language})" if language else found
    if start in {"zone", "but"}:
        zone = zones.get(int(rest), "a zone that was retired")
        return zone if start == "zone" else f"{zone}, left out"
    if start == "channel":
        return CHANNELS[rest].label if rest in CHANNELS else rest
    return LABELS.get(start, start) + (f" ({rest})" if rest and start == "area_name" else "")


LABELS = {
    "streets": "Streets", "around": "Middle of the circle", "radius": "Radius", "area": "Drawn area",
    "but_streets": "Streets left out", "but_area": "Drawn area left out", "area_name": "What residents call the area",
    "severity": "Severity", "urgency": "Urgency", "certainty": "Certainty", "status": "Real or practice",
    "lasts": "How long it lasts", "expires_at": "When it ends", "launch_at": "When to launch",
    "confirm": "Doubt about the area",
}  # fmt: skip
