"""Writing an alert: where, what and until when, checked all at once. Nothing is sent by it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from shapely import unary_union
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify import atlas, lifecycle, operators
from notify.errors import Invalid, NotFound
from notify.models import Alert, AlertZone, Incident, Lane, Operator, StoredContent, Topic
from notify.models.states import AlertState
from notify.pipeline import compose
from notify.settings import Settings
from zones.errors import ZoneError
from zones.geometry import area_hash, from_wkb, parse_area, to_wkb

DEFAULT_LIFE = timedelta(hours=12)
LONGEST_LIFE = timedelta(days=14)
NARROWEST_LIFE = timedelta(minutes=1)
CHANNELS = ("sms", "email", "social")


@dataclass(frozen=True, slots=True)
class Draft:
    """What an operator writes. Where: zone names, or a GeoJSON area with words for it; neither: as the incident's
    latest alert. CAP values that are None come from the event and phase."""

    event: str
    phase: str = "issue"
    zones: Sequence[str] = ()
    area: Mapping[str, Any] | str | bytes | None = None
    area_description: str = ""
    blanks: Mapping[str, str] = field(default_factory=dict)
    channels: Sequence[str] = CHANNELS
    severity: str | None = None
    urgency: str | None = None
    certainty: str | None = None
    status: Literal["Actual", "Exercise", "Test"] = "Actual"
    expires_at: datetime | None = None
    launch_at: datetime | None = None
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class _Area:
    shape: BaseGeometry
    names: tuple[str, ...]
    zone_versions: tuple[int, ...] = ()


def draft(s: Session, wanted: Draft, by: Operator, now: datetime, settings: Settings) -> Alert:
    """Write an alert: its area, its values and its words, in every language and channel; nothing is sent.

    Raises Invalid or NotFound with all that is wrong with it, and what to do.
    """
    event = compose.catalogue().event(wanted.event)
    operators.require(by, "draft collection" if event.topic == "collection" else "draft")
    defaults = event.defaults(wanted.phase)
    filled = compose.fill(event, wanted.phase, wanted.blanks)
    area = _area(s, wanted)
    incident = _incident(s, wanted, event.name, now)
    severity, urgency = wanted.severity or defaults.severity, wanted.urgency or defaults.urgency
    alert = Alert(
        incident_id=incident.id,
        event=event.name,
        phase=wanted.phase,
        topic=Topic(event.topic),
        lane=Lane(compose.lane(severity, urgency)),
        state=AlertState.DRAFT,
        msg_type=defaults.msg_type,
        status=wanted.status,
        category=event.category[0],
        severity=severity,
        urgency=urgency,
        certainty=wanted.certainty or defaults.certainty,
        channels=_channels(wanted.channels),
        blanks=dict(filled.values),
        area=to_wkb(area.shape),
        area_hash=area_hash(area.shape),
        area_description=_listing(area.names, "and"),
        expires_at=_expiry(wanted.expires_at, now),
        created_by=by.id,
        created_at=now,
        launch_at=wanted.launch_at,
        fanout_through=-1,
        audience_total=0,
    )
    s.add(alert)
    s.flush()
    s.add_all(AlertZone(alert_id=alert.id, zone_version_id=version) for version in area.zone_versions)
    _write_words(s, alert, event, filled, area.names, now, settings)
    lifecycle.note(s, now=now, by=by, action="draft", subject="alert", subject_id=alert.id, event=event.name)
    return alert


def _area(s: Session, wanted: Draft) -> _Area:
    """Where: fail closed. No area, no alert."""
    if wanted.zones and wanted.area is not None:
        raise Invalid("An alert has zones or an area of its own, not both.", hint="Leave one of them out.")
    if wanted.zones:
        kept = [atlas.find(s, name) for name in dict.fromkeys(wanted.zones)]
        shape = unary_union([from_wkb(x.version.geometry) for x in kept])
        return _Area(shape, tuple(x.zone.name for x in kept), tuple(x.version.id for x in kept))
    if wanted.area is not None:
        if not wanted.area_description.strip():
            raise Invalid("A drawn area needs words that residents know it by.", hint='Say --where "Old Town".')
        try:
            return _Area(parse_area(wanted.area), (wanted.area_description.strip(),))
        except ZoneError as error:
            raise Invalid(error.message, hint=error.hint, details=error.details) from None
    if wanted.incident is not None:
        return _area_of_incident(s, wanted.incident)
    raise Invalid("An alert needs an area: without one nothing is sent.", hint="Name a zone, or give an area.")


def _area_of_incident(s: Session, incident: int) -> _Area:
    """An update goes to the same people, unless it says otherwise."""
    latest = s.scalar(
        select(Alert).where(Alert.incident_id == incident, Alert.area.is_not(None)).order_by(Alert.id.desc()).limit(1)
    )
    if latest is None or latest.area is None:
        raise NotFound(f"There is no incident {incident}.", hint="`tocsin alert list` shows them.")
    versions = s.scalars(select(AlertZone.zone_version_id).where(AlertZone.alert_id == latest.id)).all()
    return _Area(from_wkb(latest.area), (latest.area_description,), tuple(versions))


def _incident(s: Session, wanted: Draft, event: str, now: datetime) -> Incident:
    if wanted.incident is None:
        if wanted.phase != "issue":
            raise Invalid(f"An {wanted.phase} belongs to an incident.", hint="Say which: --incident ID.")
        incident = Incident(event=event, created_at=now)
        s.add(incident)
        s.flush()
        return incident
    known = s.get(Incident, wanted.incident)
    if known is None:
        raise NotFound(f"There is no incident {wanted.incident}.", hint="`tocsin alert list` shows them.")
    if known.event != event:
        raise Invalid(f"Incident {known.id} is about {known.event}, not {event}.")
    return known


def _channels(wanted: Collection[str]) -> list[str]:
    unknown = [channel for channel in wanted if channel not in CHANNELS]
    if unknown or not wanted:
        raise Invalid(
            f"Unknown channel: {', '.join(unknown) or 'none given'}.", hint=f"Channels: {', '.join(CHANNELS)}."
        )
    return [channel for channel in CHANNELS if channel in wanted]


def _expiry(wanted: datetime | None, now: datetime) -> datetime:
    expires_at = wanted or now + DEFAULT_LIFE
    if expires_at < now + NARROWEST_LIFE:
        raise Invalid("The alert would expire at once.", hint="Give a later expiry.")
    if expires_at > now + LONGEST_LIFE:
        raise Invalid("An alert lives for 14 days at most.", hint="Give an earlier expiry.")
    return expires_at


def _write_words(
    s: Session,
    alert: Alert,
    event: compose.Event,
    filled: compose.Filled,
    area_names: Sequence[str],
    now: datetime,
    settings: Settings,
) -> None:
    """Render once per channel and language; these rows are what is approved and sent."""
    context = compose.Context(
        city=settings.city,
        area={"en": _listing(area_names, "and"), "es": _listing(area_names, "y")},
        expires_at=alert.expires_at,
        timezone=settings.tz,
        link=f"{settings.public_url}/alerts/{alert.id}",
        program=settings.program,
        help_contact=settings.help_contact,
        status=alert.status,
        lane=alert.lane.value,
        now=now,
    )
    languages = [x for x in settings.languages if x in event.languages]
    for one in compose.render(
        event, alert.phase, filled, channels=alert.channels, languages=languages, context=context
    ):
        s.add(
            StoredContent(
                alert_id=alert.id,
                channel=one.channel,
                language=one.language,
                subject=one.subject,
                text=one.text,
                html=one.html,
                cost=one.cost,
            )
        )
    s.flush()


def _listing(names: Sequence[str], conjunction: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"
