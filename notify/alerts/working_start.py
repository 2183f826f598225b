"""Open a working draft: an empty form, or one that an incident or an earlier alert has filled in."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.working_drafts import current_zones, kept, require_author
from notify.channels.channel import CHANNELS
from notify.content import compose
from notify.content.events import Event
from notify.core import audit
from notify.core.errors import Invalid, NotFound
from notify.models import Alert, AlertZone, Incident, Operator, Sender, WorkingDraft, ZoneVersion


def start(
    s: Session,
    event_name: str,
    phase: str,
    by: Operator,
    now: datetime,
    *,
    incident: int | None = None,
    zones_of: int | None = None,
) -> WorkingDraft:
    """Open a form. An update or all-clear belongs to an incident, whose last alert fills in words and channels.

    `zones_of`: the number of an earlier alert, whose zones are ticked. Raises Invalid, NotFound or NotAllowed.
    """
    event = compose.catalogue().event(event_name)
    event.defaults(phase)
    require_author(event.name, by)
    if incident is not None:
        values = _of_incident(s, incident, event, phase)
    elif phase == "issue":
        values = {f"channel.{name}": "on" for name in _open_channels(s)}
        values |= {"status": "Exercise"} if by.exercising else {}
    else:
        raise Invalid(f"An {phase} needs an incident.", hint="Open the incident's last alert and start it from there.")
    if zones_of is not None:
        values |= _zones_of(s, zones_of)
    draft = WorkingDraft(
        event=event.name,
        phase=phase,
        incident_id=incident,
        fields={name: kept(words, 1, by, now, "") for name, words in values.items()},
        version=1,
        created_by=by.id,
        created_at=now,
        updated_by=by.id,
        updated_at=now,
    )
    s.add(draft)
    s.flush()
    audit.note(s, now=now, by=by, action="start", subject="working_draft", subject_id=draft.id, event=event.name)
    return draft


def _open_channels(s: Session) -> Sequence[str]:
    known = s.scalars(select(Sender.channel).where(Sender.status == "open")).all()
    return [name for name in CHANNELS if not known or name in known]


def _of_incident(s: Session, incident: int, event: Event, phase: str) -> dict[str, str]:
    """The words and channels of an incident's last alert, as far as this phase has the same blanks."""
    known = s.get(Incident, incident)
    last = s.scalar(
        select(Alert)
        .where(Alert.incident_id == incident)
        .order_by(Alert.launched_at.is_(None), Alert.id.desc())
        .limit(1)
    )
    if known is None or last is None:
        raise NotFound(f"There is no incident {incident}.", hint="The console lists all alerts with their incidents.")
    if known.event != event.name:
        raise Invalid(f"Incident {known.id} is about {known.event}, not {event.name}.")
    blanks = {blank.name for blank in event.blanks(phase)}
    words = {f"blank.{name}": str(value) for name, value in last.blanks.items() if name.partition(".")[0] in blanks}
    status = {} if last.status == "Actual" else {"status": last.status}
    return words | {f"channel.{name}": "on" for name in last.channels} | status


def _zones_of(s: Session, alert_id: int) -> dict[str, str]:
    ids = s.scalars(
        select(ZoneVersion.zone_id)
        .join(AlertZone, AlertZone.zone_version_id == ZoneVersion.id)
        .where(AlertZone.alert_id == alert_id)
    ).all()
    if not ids:
        raise Invalid(f"Alert {alert_id} has no zones.", hint="Choose the area on the page.")
    current = current_zones(s)
    return {f"zone.{number}": "on" for number in ids if number in current}
