"""Open a working draft: an empty form, or one that an incident or an earlier alert has filled in."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import shapely
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.alerts import incidents, warn_requests
from notify.alerts.readiness import channel_policies
from notify.alerts.writing import area_zones, goes_on
from notify.alerts.writing.goes_on import GoesOn
from notify.alerts.writing.working_drafts import current_zones, kept, require_author, values_of
from notify.content import compose
from notify.content.events import Event
from notify.core import audit
from notify.core.errors import Invalid, NotFound
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery import senders
from notify.models import Alert, AlertZone, Operator, WorkingDraft, ZoneVersion
from notify.outside import warnings
from zones.geometry import to_geojson

ROUND_DEGREES = 1e-6  # 0.1 m
MOST_NAMES = 3
NEAR = timedelta(hours=1)
START_LOCK = 7465  # first key of the advisory lock; the second one is the operator
SAME_PRESS = timedelta(seconds=10)


def start(
    s: Session,
    event_name: str,
    phase: str,
    by: Operator,
    now: datetime,
    *,
    incident: int | None = None,
    request: int | None = None,
    zones_of: int | None = None,
    outside: int | None = None,
    correct: bool = False,
    values: Mapping[str, str] | None = None,
) -> WorkingDraft:
    """Open a form. An update or all-clear belongs to an incident. The alert that it goes on from (`goes_on`) fills in
    words and channels, and for an update severity, urgency and an end that is not near; one that is to `correct` it has
    its certainty, too, and any end that is to come, and residents read that it is a correction.

    `request`: a request to warn that its alert will answer; `zones_of`: the number of an earlier alert, whose zones are
    ticked; `outside`: of a warning of another agency, whose area is drawn; `values`: those of further fields. Pressed
    twice, it returns the form that the first press opened. Raises Invalid, NotFound or NotAllowed.
    """
    event = compose.catalogue().event(event_name)
    event.defaults(phase)
    require_author(event.name, by)
    if request is not None:
        warn_requests.find(s, request)
    if incident is None:
        fields = _first(s, event, phase, by)
    else:
        before = _before(s, incident, event, phase, by, correct=correct)
        fields = _later(s, before.alert, event, phase, now, correct=correct)
        fields |= _still(s, before) if zones_of is None else {"earlier": ""}
    fields |= _where(s, zones_of, outside)
    fields |= values or {}
    s.execute(text("SELECT pg_advisory_xact_lock(:lock, CAST(:by AS integer))"), {"lock": START_LOCK, "by": by.id})
    about = {"event": event.name, "phase": phase, "incident_id": incident, "request_id": request, "corrects": correct}
    if same := _just_opened(s, about, fields, by, now):
        return same
    draft = WorkingDraft(
        **about,
        fields={name: kept(words, 1, by, now, "") for name, words in fields.items()},
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


def _just_opened(
    s: Session, about: Mapping[str, Any], fields: Mapping[str, str], by: Operator, now: datetime
) -> WorkingDraft | None:
    """The form that the first press of a double click opened: the same one, and nobody has written in it."""
    recent = s.scalars(
        select(WorkingDraft)
        .filter_by(**about, created_by=by.id, version=1, dropped_at=None, alert_id=None)
        .where(WorkingDraft.created_at > now - SAME_PRESS)
    )
    return next((draft for draft in recent if values_of(draft) == fields), None)


def _first(s: Session, event: Event, phase: str, by: Operator) -> dict[str, str]:
    """The fields of a form that no alert has filled in. Raises Invalid for a phase that follows one."""
    if phase != "issue":
        raise Invalid(
            _("An %(phase)s needs an incident.", phase=phase),
            hint=_("Open the incident's last alert and start it from there."),
        )
    channels = channel_policies.allowed(s, senders.open_channels(s), event.topic)
    return {f"channel.{name}": "on" for name in channels} | ({"status": "Exercise"} if by.exercising else {})


def _later(s: Session, last: Alert, event: Event, phase: str, now: datetime, *, correct: bool) -> dict[str, str]:
    """The fields that an earlier alert of the incident fills in."""
    fields = _words_of(last, event, phase) | {f"channel.{name}": "on" for name in _channels_of(s, last)}
    return fields | (_weight_of(last, now) if correct else _goes_on(last, phase, now))


def _before(s: Session, incident: int, event: Event, phase: str, by: Operator, *, correct: bool) -> GoesOn:
    """The alert of an incident that a form goes on from. Raises NotFound or Invalid."""
    incidents.about(s, incident, event.name)
    found = goes_on.find(s, incident, phase, "Exercise" if by.exercising else "Actual", corrects=correct)
    if found is None:
        raise NotFound(_("Incident %(incident)s has no alert yet.", incident=incident))
    return found


def _still(s: Session, before: GoesOn) -> dict[str, str]:
    """The area to begin with: the zones in which it holds, so that one of them can be unticked; if it is not whole
    zones, or its author gave it a name, that area as one."""
    has_name = before.area is None and "free-words" in before.alert.two_people
    zones = {} if has_name or before.alert.area is None else area_zones.exactly(s, before.holds, before.shape)
    return {"earlier": ""} | {f"zone.{number}": "on" for number in zones} if zones else {"earlier": "on"}


def _words_of(last: Alert, event: Event, phase: str) -> dict[str, str]:
    """The words of an alert, as far as this phase has the same blanks, and whether it was practice."""
    blanks = {blank.name for blank in event.asked(phase)}
    words = {f"blank.{name}": str(value) for name, value in last.blanks.items() if name.partition(".")[0] in blanks}
    status = {} if last.status == "Actual" else {"status": last.status}
    return words | status


def _channels_of(s: Session, last: Alert) -> set[str]:
    """The channels of an alert, and of the follow-up that reached those whom it did not reach."""
    followed = select(Alert.channels).where(Alert.follows == last.id, Alert.launched_at.is_not(None))
    return {*last.channels, *(name for channels in s.scalars(followed) for name in channels)}


def _weight_of(last: Alert, now: datetime) -> dict[str, str]:
    """What an alert says of its weight, and its end if that is to come."""
    weight = {"severity": last.severity, "urgency": last.urgency, "certainty": last.certainty}
    return weight | (_end_of(last) if last.expires_at > now else {})


def _goes_on(last: Alert, phase: str, now: datetime) -> dict[str, str]:
    """What an update keeps unless its author says otherwise, so that a danger is neither played down nor prolonged
    unseen. An end that is near is what the update is written to put off."""
    if phase != "update" or last.phase == "all-clear":
        return {}
    weight = {"severity": last.severity, "urgency": last.urgency}
    return weight | (_end_of(last) if last.expires_at > now + NEAR else {})


def _end_of(last: Alert) -> dict[str, str]:
    """An alert's end, as a field of the form has it: on the city's clock."""
    return {"expires_at": f"{last.expires_at.astimezone(settings().tz):%Y-%m-%dT%H:%M}"}


def _where(s: Session, zones_of: int | None, outside: int | None) -> dict[str, str]:
    zones = zones_of_alert(s, zones_of) if zones_of is not None else []
    return {f"zone.{number}": "on" for number in zones} | (_area_of(s, outside) if outside is not None else {})


def _area_of(s: Session, warning_id: int) -> dict[str, str]:
    """The area of a warning of another agency, named after our zones if they are few. Raises NotFound, or Invalid when
    it has none."""
    warning = warnings.find(s, warning_id)
    if warning.shape is None:
        raise Invalid(_("The warning names its area only by codes of places."), hint=_("Choose the area on the page."))
    area = shapely.set_precision(warning.shape, ROUND_DEGREES, mode="pointwise")
    name = ", ".join(warning.zones) if len(warning.zones) <= MOST_NAMES else ""
    return {"area": json.dumps(to_geojson(area)), "area_name": name}


def zones_of_alert(s: Session, alert_id: int) -> list[int]:
    """The zones of an alert that are still current. Raises Invalid when it has none."""
    ids = s.scalars(
        select(ZoneVersion.zone_id)
        .join(AlertZone, AlertZone.zone_version_id == ZoneVersion.id)
        .where(AlertZone.alert_id == alert_id)
    ).all()
    if not ids:
        raise Invalid(_("Alert %(alert)s has no zones.", alert=alert_id), hint=_("Choose the area on the page."))
    current = current_zones(s)
    return [number for number in ids if number in current]
