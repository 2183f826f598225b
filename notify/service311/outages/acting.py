"""Apply a step to an outage, record it and, where residents are told, draft its alert: in one transaction.

The alerts are drafts, approved and launched as any other. An alert that still waits for that when another step is told
is cancelled: residents read the newest facts only. What nobody has read yet is not updated or taken back: then the
first message has the newest facts, or there is none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.writing import drafting
from notify.alerts.writing.drafting import Draft
from notify.city.parts import Part
from notify.content import compose
from notify.core import audit
from notify.core.db import take_lock
from notify.core.errors import Invalid, Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Alert, Operator, OutageStep
from notify.models import Outage as Row
from notify.models.states import AlertState
from notify.service311.outages import areas, kept, steps, words
from notify.service311.outages.kept import Told
from notify.service311.outages.steps import Act, MessagePhase, Outage, State
from notify.service311.outages.words import EVENT, About
from zones.geometry import from_wkb
from zones.overlaps import meet

LOCK = 7_461_048  # two at once would record the same outage twice


@dataclass(frozen=True, slots=True)
class Where:
    """An area. `zones`: as `kind:name`; `parts`: other parts of it, which need `called`, in one language or by
    language: what residents call all of it."""

    zones: Sequence[str] = ()
    parts: Sequence[Part] = ()
    called: compose.Words = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A new outage. Planned work has `begins_at`; `back_at` may be known."""

    utility: str
    where: Where
    begins_at: datetime | None = None
    back_at: datetime | None = None
    report_phone: str = ""
    cause: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """`alert`: the draft that tells the step; None where nobody is told. `reminder`: that for the evening before."""

    outage: Row
    alert: Alert | None
    reminder: Alert | None = None


def report(s: Session, new: Report, by: Operator, now: datetime, settings: Settings) -> Done:
    """Record an outage, and draft its first alert. Raises Invalid, NotFound or NotAllowed as `drafting.draft` does."""
    operators.require(by, "draft")
    about = About(new.utility, new.begins_at is not None, new.report_phone, new.cause)
    act = Act.NOTICE if about.planned else Act.CONFIRM
    before = Outage()
    step = _step(before, act, now, new.begins_at, new.back_at)
    wanted = Draft(
        event=EVENT,
        zones=new.where.zones,
        parts=new.where.parts,
        area_description=areas.called(s, new.where.zones, new.where.parts, new.where.called, settings),
        blanks=_blanks(about, step.outage, before, act, "issue", now, settings),
        expires_at=words.ends_at(step.outage, "issue", now),
        composed=True,
    )
    take_lock(s, LOCK)
    alert = drafting.draft(s, wanted, by, now, settings)
    _require_new(s, about, step.outage, alert, now)
    row = Row(
        kind="planned" if about.planned else "unplanned",
        utility=new.utility,
        state=step.outage.state,
        zones=list(new.where.zones),
        drawn=bool(new.where.parts),
        names=dict(alert.area_names),
        area=alert.area,
        report_phone=str(alert.blanks.get("report_phone", "")),
        begins_at=step.outage.begins_at,
        back_at=step.outage.back_at,
        incident_id=alert.incident_id,
        made_at=now,
        made_by=by.id,
    )
    s.add(row)
    s.flush()
    _record(s, row, act, by, now, alert)
    return Done(row, alert, _remind_later(s, row, by, now, settings))


def apply(
    s: Session,
    outage_id: int,
    act: Act,
    by: Operator,
    now: datetime,
    settings: Settings,
    begins_at: datetime | None = None,
    back_at: datetime | None = None,
) -> Done:
    """Apply an act other than GROW. Raises Refused for one that does not follow on the state, Invalid for a time that
    is missing or not in order, NotFound and NotAllowed."""
    operators.require(by, "draft")
    row = kept.find(s, outage_id, lock=True)
    told = kept.told_of(s, [row.id]).get(row.id, [])
    before = kept.as_known(row, told)
    step = _step(before, act, now, begins_at, back_at)
    phase = due(step, told)
    row.state, row.begins_at, row.back_at = step.outage.state, step.outage.begins_at, step.outage.back_at
    row.restored_at = now if step.outage.state is State.RESTORED else None
    if phase is not None or step.outage.state is State.RESTORED:
        _withdraw(s, told, by, now)
    alert = None
    if phase is not None:
        about = About(row.utility, row.kind == "planned", row.report_phone)
        wanted = Draft(
            event=EVENT,
            phase=phase,
            blanks=_blanks(about, step.outage, before, act, phase, now, settings),
            expires_at=words.ends_at(step.outage, phase, now),
            incident=row.incident_id,
            composed=True,
        )
        # An all-clear goes by itself to where the danger that was told still holds.
        alert = drafting.draft(s, wanted if phase == "all-clear" else areas.to_all(wanted, row), by, now, settings)
    _record(s, row, act, by, now, alert)
    return Done(row, alert, _remind_later(s, row, by, now, settings) if phase is not None else None)


def grow(s: Session, outage_id: int, where: Where, by: Operator, now: datetime, settings: Settings) -> Done:
    """Add to the area of an outage. Its first message goes to who has a place in the added part and did not get one
    already; while nobody did, there is one to the whole area. Raises as `apply` does."""
    operators.require(by, "draft")
    row = kept.find(s, outage_id, lock=True)
    told = kept.told_of(s, [row.id]).get(row.id, [])
    before = kept.as_known(row, told)
    _step(before, Act.GROW, now, None, None)
    row.state, row.begins_at, row.back_at = before.state, before.begins_at, before.back_at
    part = drafting.area_of(
        s, Draft(EVENT, zones=where.zones, parts=where.parts, area_description=where.called), settings
    )
    areas.extend(row, where.zones, part.wkb, part.names, drawn=bool(where.parts))
    # What waits for an earlier part, or as a reminder, is written anew; while nobody was told, so is the first message.
    anew = [one for one in told if not any(each.is_out for each in told) or one.step.act in (Act.GROW, Act.REMIND)]
    _withdraw(s, anew, by, now)
    about = About(row.utility, row.kind == "planned", row.report_phone)
    wanted = Draft(
        event=EVENT,
        blanks=_blanks(about, before, before, Act.GROW, "issue", now, settings),
        expires_at=words.ends_at(before, "issue", now),
        incident=row.incident_id,
        spares=[one.alert.id for one in told if one.counts or one.is_out],
        composed=True,
    )
    alert = drafting.draft(s, areas.to_untold(s, wanted, row, told), by, now, settings)
    _record(s, row, Act.GROW, by, now, alert, part.wkb)
    return Done(row, alert, _remind_later(s, row, by, now, settings))


def due(step: steps.Step, told: Sequence[Told]) -> MessagePhase | None:
    """Return the phase of the alert that a step needs: while nobody was told, the first one, or none where there is
    nothing left to tell."""
    if step.message is None or any(one.is_out for one in told):
        return step.message
    return None if step.outage.state in (State.POSTPONED, State.RESTORED) else "issue"


def _require_new(s: Session, about: About, outage: Outage, alert: Alert, now: datetime) -> None:
    """Raise Refused where the same is recorded already: by a second click, or by somebody else."""
    area = from_wkb(alert.area or b"")
    for one in kept.recent(s, now):
        row = one.row
        if one.known.state is State.RESTORED or (row.utility, row.kind == "planned") != (about.utility, about.planned):
            continue
        if one.known.begins_at == outage.begins_at and meet(from_wkb(row.area), area):
            raise Refused(
                _("Outage %(outage)s is there already.", outage=row.id),
                hint=_("Record there what is new, or let its area grow."),
            )


def _step(before: Outage, act: Act, now: datetime, begins_at: datetime | None, back_at: datetime | None) -> steps.Step:
    """Return `steps.step`, with its errors in words."""
    try:
        return steps.step(before, act, now, begins_at, back_at)
    except steps.NotNow:
        raise Refused(
            _("The outage is in another state meanwhile."), hint=_("Look at it again: the page shows what can follow.")
        ) from None
    except steps.Missing as error:
        if error.args == ("begins_at",):
            raise Invalid(_("Planned work needs a start in the future.")) from None
        raise Invalid(
            _("When should service be back? That time is missing, past, or before the work begins."),
            hint=_("Give a later time."),
        ) from None


def _blanks(
    about: About, outage: Outage, before: Outage, act: Act, phase: MessagePhase, now: datetime, settings: Settings
) -> dict[str, str]:
    languages = compose.catalogue().written(settings.languages)
    return words.blanks(about, outage, before, act, phase, now, settings.tz, languages)


def _withdraw(s: Session, told: Sequence[Told], by: Operator, now: datetime) -> None:
    """Cancel the alerts that wait or are paused: later facts take their place."""
    for one in told:
        if one.waits or one.alert.state is AlertState.PAUSED:
            lifecycle.cancel(s, one.alert.id, by, now)


def _remind_later(s: Session, row: Row, by: Operator, now: datetime, settings: Settings) -> Alert | None:
    """Draft the reminder of planned work, to be launched by itself in the evening before once it is approved."""
    if row.state != State.NOTICED or row.begins_at is None:
        return None
    at = steps.reminder_at(row.begins_at, now, settings.tz)
    if at is None:
        return None
    known = kept.as_known(row, kept.told_of(s, [row.id]).get(row.id, []))
    about = About(row.utility, True, row.report_phone)
    wanted = Draft(
        event=EVENT,
        phase="update",
        blanks=_blanks(about, known, known, Act.REMIND, "update", now, settings),
        launch_at=at,
        expires_at=words.ends_at(known, "update", now),
        incident=row.incident_id,
        composed=True,
    )
    alert = drafting.draft(s, areas.to_all(wanted, row), by, now, settings)
    _record(s, row, Act.REMIND, by, now, alert)
    return alert


def _record(
    s: Session, row: Row, act: Act, by: Operator, now: datetime, alert: Alert | None, added: bytes | None = None
) -> None:
    s.add(
        OutageStep(
            outage_id=row.id, at=now, by=by.id, act=act, state=row.state, begins_at=row.begins_at,
            back_at=row.back_at, added=added, alert_id=alert.id if alert else None,
        )
    )  # fmt: skip
    s.flush()
    audit.note(
        s, now=now, by=by, action=act, subject="outage", subject_id=row.id, **({"alert": alert.id} if alert else {})
    )
