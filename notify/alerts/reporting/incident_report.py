"""The after-action report of an incident: the requests to warn, each alert, notes, and all acts.

It is built of the reports of its alerts (`after_action`), so that the two never differ.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import incidents, warn_requests
from notify.alerts.incidents import Entry
from notify.alerts.reporting import after_action, reports
from notify.alerts.reporting.after_action import AfterAction
from notify.alerts.warn_requests import Record
from notify.models import Alert, Operator


@dataclass(frozen=True, slots=True)
class People:
    """Contacts in the area of any alert of the incident, each counted once, and those reached at least once."""

    contacts: int
    reached: int


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """`alerts`: those that were launched, in the order of their launches. `steps` and `notes`: the oldest first."""

    incident: int
    event: str
    since: datetime
    people: People
    requests: tuple[Record, ...]
    alerts: tuple[AfterAction, ...]
    steps: tuple[Entry, ...]
    notes: tuple[Entry, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON; each alert as in its own report."""
        values: dict[str, Any] = reports.as_json(asdict(self))
        return values | {"alerts": [one.as_json() for one in self.alerts]}


def read(s: Session, incident_id: int, by: Operator | None, now: datetime) -> IncidentReport:
    """Read the report of an incident. `by`: None on the command line of a training stack.

    Raises NotAllowed for an operator who may not know exactly who was reached; NotFound.
    """
    if by is not None:
        operators.require(by, "count")
    incident = incidents.find(s, incident_id)
    alerts = s.scalars(
        select(Alert).where(Alert.incident_id == incident_id).order_by(Alert.launched_at, Alert.id)
    ).all()
    ids = [one.id for one in alerts]
    requests = warn_requests.records(s, ids, incident_id)
    entries = incidents.entries(s, incident_id, ids, [one.id for one in requests])[::-1]
    return IncidentReport(
        incident_id,
        incident.event,
        incident.created_at,
        _people(s, incident_id),
        requests,
        tuple(after_action.of(s, one, now) for one in alerts if one.launched_at),
        tuple(one for one in entries if one.kind != "note"),
        tuple(one for one in entries if one.kind == "note"),
    )


def _people(s: Session, incident_id: int) -> People:
    found = s.execute(
        text("""SELECT count(DISTINCT d.contact_id) AS contacts,
                       count(DISTINCT d.contact_id) FILTER (WHERE d.state::text = ANY(:reached)) AS reached
                  FROM deliveries d JOIN alerts a ON a.id = d.alert_id WHERE a.incident_id = :incident"""),
        {"incident": incident_id, "reached": list(after_action.REACHED)},
    ).one()
    return People(found.contacts, found.reached)
