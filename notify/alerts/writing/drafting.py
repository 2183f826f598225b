"""Write an alert: its area, words and times, all checked together. Nothing is sent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import incidents, standing
from notify.alerts.approving import approval_asks, limits, two_people
from notify.alerts.readiness import channel_policies
from notify.alerts.words import wording
from notify.alerts.writing import area_zones, goes_on, told_before, wordings
from notify.alerts.writing import times as alert_times
from notify.alerts.writing.wordings import Part as Apart
from notify.alerts.writing.wordings import Wording
from notify.audience.wordings import GENERAL
from notify.city import area as city_area
from notify.city import whole
from notify.city.area import Found, Where
from notify.city.parts import Drawn, InZone, Kept, Part
from notify.content import compose
from notify.content.events import Defaults
from notify.core import audit
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.models import Alert, AlertZone, Incident, Lane, Operator, StoredContent, Topic
from notify.models.states import AlertState
from zones.geometry import area_hash, from_wkb, to_wkb, usable


@dataclass(frozen=True, slots=True)
class Draft:
    """The input of a draft. The area is the union of `zones`, a GeoJSON `area` and other `parts`, minus `without`; with
    none of them, that of the alert of the incident that it goes on from, to which they are added with
    `keeps_earlier`. An area that is more than zones and streets needs an `area_description`, in one language for
    everybody or by language.
    `confirmed`: the doubts about a drawn area that the operator has dismissed. CAP values of None come from the event
    and phase. Give `expires_at`, or how long it `lasts` from `launch_at` or else from now (`times.plan`)."""

    event: str
    phase: str = "issue"
    zones: Sequence[str] = ()
    area: Mapping[str, Any] | str | bytes | None = None
    parts: Sequence[Part] = ()
    without: Sequence[Part] = ()
    keeps_earlier: bool = False
    confirmed: Collection[str] = ()
    area_description: compose.Words = ""
    blanks: Mapping[str, str] = field(default_factory=dict)
    channels: Sequence[str] | None = (
        None  # None: those with an open sender that no policy excludes; all if there is none
    )
    severity: str | None = None
    urgency: str | None = None
    certainty: str | None = None
    status: Literal["Actual", "Exercise", "Test"] = "Actual"
    expires_at: datetime | None = None
    lasts: timedelta | None = None
    launch_at: datetime | None = None
    incident: int | None = None
    wording_parts: Sequence[Apart] = ()  # the parts of the area that decide who reads which of the `wordings`
    wordings: Sequence[Wording] = ()  # others than the general one, which the blanks above give
    found: Found | None = None  # the area, if already computed (`located`)
    corrects: bool = False  # residents read that it corrects the message before it
    follows: int | None = None  # the alert whose area it has, and whose unreached it is for (`follow_up`)
    spares: Sequence[int] = ()  # alerts of the incident: who has one of them does not get this one
    typed: bool = False  # somebody typed a part of its composed words, such as the name of a holiday of the city's own
    composed: bool = False  # its blanks were written by Tocsin: only so may an event be drafted that has no form
    rewrites: int | None = None  # the draft alert of the same incident that it replaces (`rewriting`)


@dataclass(frozen=True, slots=True)
class _Area:
    wkb: bytes
    hash: str
    names: tuple[wording.Name, ...]
    zone_versions: tuple[int, ...] = ()
    named: bool = False  # an operator wrote its name


def draft(s: Session, wanted: Draft, by: Operator, now: datetime, settings: Settings) -> Alert:
    """Write an alert: its area, values and words, in every language and channel. Nothing is sent.

    Raises Invalid, NotFound or NotAllowed.
    """
    event = compose.catalogue().event(wanted.event)
    require_author(wanted, by)
    event.defaults(wanted.phase)  # raises for one that it has not
    filled = compose.fill(event, wanted.phase, wanted.blanks)
    require_cap(wanted)
    _require_earlier(wanted)
    _require_asked(wanted, event, filled)
    longest = alert_times.LONGEST_PUBLISHED if wanted.composed else alert_times.LONGEST_LIFE
    times = alert_times.plan(now, wanted.launch_at, wanted.expires_at, wanted.lasts, settings.tz, longest)
    alert_times.check_blanks(event, filled, times, settings.tz)
    others = wordings.filled(event, wanted.phase, wanted.blanks, wanted.wording_parts, wanted.wordings)
    for other in others:
        alert_times.check_blanks(event, other, times, settings.tz)
    area = area_of(s, wanted, settings)
    sends_at = max(now, times.launch_at or now)
    limits.require_for_draft(s, by, event.topic, from_wkb(area.wkb), wanted.status, sends_at, settings)
    incident = _incident(s, wanted, event.name, now)
    alert = Alert(
        incident_id=incident.id,
        blanks=dict(filled.values),
        expires_at=times.expires_at,
        created_by=by.id,
        created_at=now,
        written_after=standing.last_launch(s, incident.id),
        launch_at=times.launch_at,
        fanout_through=-1,
        audience_total=0,
        **_weight(
            wanted,
            event,
            {key: value for one in (*others, filled) for key, value in one.values.items()},
            named=area.named or any(one.area for one in wanted.wordings),
            ends=_ends(s, wanted, incident),
        ),
        **_reach(s, wanted, event, area, settings),
    )
    s.add(alert)
    s.flush()
    s.add_all(AlertZone(alert_id=alert.id, zone_version_id=version) for version in area.zone_versions)
    _write_words(s, alert, event, filled, area.names, now, settings)
    wordings.keep(s, alert, wanted.wording_parts, wanted.wordings)
    for number, (one, other) in enumerate(zip(wanted.wordings, others, strict=True), start=1):
        names = (one.area,) if one.area else area.names
        _write_words(s, alert, event, other, names, now, settings, number)
    audit.note(s, now=now, by=by, action="draft", subject="alert", subject_id=alert.id, event=event.name)
    approval_asks.ask_at_once(s, alert, now, wanted.rewrites)
    return alert


def _require_earlier(wanted: Draft) -> None:
    if wanted.corrects and wanted.phase == "issue" and wanted.follows is None:
        raise Invalid(
            _("The first alert of an incident corrects nothing."),
            hint=_("Write the correction as an update of the incident with the wrong message."),
        )


def _require_asked(wanted: Draft, event: compose.Event, filled: compose.Filled) -> None:
    """Raise Invalid for a blank that only Tocsin fills in. A follow-up repeats its alert."""
    ours = {blank.name for blank in event.blanks(wanted.phase) if blank.ours} & filled.values.keys()
    if ours and not wanted.composed and wanted.follows is None:
        raise Invalid(
            _("Nobody fills in '%(name)s' by hand.", name=min(ours)), hint=_("Leave it out: Tocsin writes it.")
        )


def _ends(s: Session, wanted: Draft, incident: Incident) -> bool:
    return two_people.ends_emergency(s, incident.id, wanted.phase, wanted.status)


def _weight(
    wanted: Draft, event: compose.Event, blanks: Mapping[str, Any], *, named: bool, ends: bool
) -> dict[str, Any]:
    """The columns of an alert that say what it is and how grave. `blanks`: those of all its wordings. `named`: an
    operator wrote the name of its area. `ends`: it ends an emergency."""
    defaults = event.defaults(wanted.phase)
    severity, urgency = wanted.severity or defaults.severity, wanted.urgency or defaults.urgency
    lane = Lane(compose.lane(severity, urgency))
    return {
        "event": event.name,
        "phase": wanted.phase,
        "lane": lane,
        "state": AlertState.DRAFT,
        "msg_type": defaults.msg_type,
        "status": wanted.status,
        "category": event.category[0],
        "severity": severity,
        "urgency": urgency,
        "certainty": wanted.certainty or defaults.certainty,
        "two_people": two_people.reasons(
            event, wanted.phase, lane, wanted.status, blanks, named=named, ends=ends, typed=wanted.typed
        ),
        "corrects": wanted.corrects,
        "rewrites": wanted.rewrites,
    }


def _reach(s: Session, wanted: Draft, event: compose.Event, area: _Area, settings: Settings) -> dict[str, Any]:
    """The columns of an alert that decide whom it reaches, with the names of its area."""
    languages = compose.catalogue().written(settings.languages)
    names = {language: wording.called(area.names, event, language) for language in languages}
    answered = (
        told_before.find(s, wanted.incident, wanted.phase, wanted.status, from_wkb(area.wkb))
        if wanted.follows is None
        else {}
    )
    return {
        "topic": Topic(event.topic),
        "channels": channel_policies.chosen(s, wanted.channels, event.topic),
        "area": area.wkb,
        "area_hash": area.hash,
        "whole_city": _is_whole_city(s, wanted, area),
        "area_names": names,
        "area_description": names[languages[0]],
        "follows": wanted.follows,
        "spares": list(wanted.spares),
    } | told_before.columns(answered)


def _is_whole_city(s: Session, wanted: Draft, area: _Area) -> bool:
    """Whether residents without a place get it. A follow-up is for those whom the alert before it did not reach."""
    if wanted.follows is not None:
        return s.get_one(Alert, wanted.follows).whole_city
    return whole.is_whole(s, from_wkb(area.wkb))


def require_cap(wanted: Draft) -> None:
    """Raise Invalid for a severity, urgency or certainty that is not in CAP 1.2 (section 3.2.2)."""
    for name in ("severity", "urgency", "certainty"):
        given, known = getattr(wanted, name), get_args(Defaults.model_fields[name].annotation)
        if given is not None and given not in known:
            raise Invalid(
                _("There is no %(name)s %(given)s.", name=name, given=repr(given)),
                hint=_("Choose one of: %(choices)s.", choices=", ".join(known)),
            )


def located(wanted: Draft, by: Operator) -> Draft:
    """The same draft with its area computed outside of any transaction; `draft` would do it in the caller's.

    Raises like `draft`.
    """
    require_author(wanted, by)
    parts = parts_of(wanted)
    if not parts:
        return wanted
    with transaction() as s:
        gathered = city_area.gather(s, Where(_with_earlier(s, wanted, parts), wanted.without, wanted.confirmed))
    return replace(wanted, found=city_area.make(gathered))


def require_author(wanted: Draft, by: Operator) -> None:
    """Raise NotAllowed when the operator may not draft alerts about this event."""
    event = compose.catalogue().event(wanted.event)
    if event.composed and not wanted.composed:
        raise Invalid(
            _("Nobody writes alerts about %(event)s by hand.", event=event.name),
            hint=_("Tocsin writes them itself, on the pages Notices and Snow of the desk."),
        )
    operators.require(by, "draft collection" if event.topic == "collection" else "draft")


def parts_of(wanted: Draft) -> list[Part]:
    parts = [*(InZone(name) for name in wanted.zones), *wanted.parts]
    return [*parts, Drawn(wanted.area)] if wanted.area is not None else parts


def area_of(s: Session, wanted: Draft, settings: Settings) -> _Area:
    """The area of a draft. Without one there is no alert. Raises Invalid and NotFound."""
    if wanted.follows is not None:
        return _area_of(s, s.get_one(Alert, wanted.follows))
    parts = parts_of(wanted)
    if not parts and wanted.incident is not None:
        if wanted.without:
            raise Invalid(
                _(
                    "An update without an area of its own goes to the whole area of its incident: nothing "
                    "can be left out."
                ),
                hint=_("Name the zones or give the area, and then what to leave out."),
            )
        return _area_of_incident(s, wanted, wanted.incident)
    found = wanted.found or city_area.find(s, Where(_with_earlier(s, wanted, parts), wanted.without, wanted.confirmed))
    words = wording.given(wanted.area_description, settings)
    if not words and not found.named:
        raise Invalid(
            _("A drawn area, or one side of a street, needs a name that residents know."),
            hint="""Give --where "Old Town", or one per language: --where "en=Old Town" --where "es=Casco Viejo".""",
        )
    earlier = _earlier(s, wanted)
    names = (words,) if words else (*(earlier.names if earlier else ()), *found.names)
    named = bool(words) or (earlier is not None and earlier.named)
    return _Area(to_wkb(found.shape), found.hash, names, found.zone_versions, named=named)


def _earlier(s: Session, wanted: Draft) -> _Area | None:
    """The area of the alert that it goes on from, if the draft adds to it."""
    if not wanted.keeps_earlier or wanted.incident is None:
        return None
    return _area_of_incident(s, wanted, wanted.incident)


def _with_earlier(s: Session, wanted: Draft, parts: list[Part]) -> list[Part]:
    earlier = _earlier(s, wanted)
    return [Kept(earlier.wkb, earlier.zone_versions), *parts] if earlier else parts


def _area_of_incident(s: Session, wanted: Draft, incident: int) -> _Area:
    """The default area of what follows in an incident: where it still holds."""
    found = goes_on.find(s, incident, wanted.phase, wanted.status, corrects=wanted.corrects, but=wanted.rewrites or 0)
    if found is None:
        raise NotFound(
            _("There is no incident %(incident)s.", incident=incident), hint="`tocsin alert list` shows them."
        )
    entire = _area_of(s, found.alert)
    if found.area is None:
        return entire
    versions = area_zones.versions(s, found.holds, found.area)
    names = tuple(found.zones) or entire.names
    return _Area(to_wkb(found.area), area_hash(found.area), names, versions, named=entire.named)


def _area_of(s: Session, alert: Alert) -> _Area:
    """The area of an earlier alert, as it is."""
    if alert.area is None:
        raise Invalid(_("Alert %(alert)s has no area.", alert=alert.id), hint=_("Write a new alert, with an area."))
    area = usable(alert.area)
    versions = s.scalars(select(AlertZone.zone_version_id).where(AlertZone.alert_id == alert.id)).all()
    return _Area(
        to_wkb(area),
        area_hash(area),
        (alert.area_names or alert.area_description,),
        tuple(versions),
        named="free-words" in alert.two_people,
    )


def _incident(s: Session, wanted: Draft, event: str, now: datetime) -> Incident:
    if wanted.incident is None and wanted.rewrites is not None:
        return s.get_one(Incident, s.get_one(Alert, wanted.rewrites).incident_id)
    if wanted.incident is None:
        if wanted.phase != "issue":
            raise Invalid(
                _("The phase %(phase)s needs an incident.", phase=word(wanted.phase)),
                hint="Give it with --incident ID.",
            )
        incident = Incident(event=event, created_at=now)
        s.add(incident)
        s.flush()
        return incident
    return incidents.about(s, wanted.incident, event)


def _write_words(
    s: Session,
    alert: Alert,
    event: compose.Event,
    filled: compose.Filled,
    area_names: Sequence[wording.Name],
    now: datetime,
    settings: Settings,
    number: int = GENERAL,
) -> None:
    """Render the words of a wording for each channel and language. These rows are what is approved and sent."""
    rendered = wording.rendered(s, alert, event, filled, area_names, now, settings)
    s.add_all(StoredContent(alert_id=alert.id, wording=number, **asdict(one)) for one in rendered)
    s.flush()
