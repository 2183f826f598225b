"""Exercise mode and drills. Both are for stacks whose open senders are all simulators."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import operators, sessions
from notify.alerts.practice import scenarios
from notify.alerts.practice.scenarios import Scenario
from notify.alerts.writing import working_start
from notify.channels.channel import CHANNELS
from notify.city import area as city_area
from notify.city.area import Where
from notify.city.parts import InZone
from notify.core import audit
from notify.core.city_time import shown
from notify.core.db import take_lock
from notify.core.errors import NotAllowed, NotFound, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery import exercise
from notify.models import Drill, Operator, WorkingDraft
from zones.geometry import to_wkb

_TURN = 0x6472696C6C73  # the advisory lock of acts on drills


def set_mode(s: Session, session_id: int, on: bool, by: Operator, now: datetime) -> None:
    """Enter or leave exercise mode. Raises Refused where a real provider is configured: nothing could be practised."""
    if on:
        _require_practice(s)
    sessions.set_exercise(s, session_id, on, by, now)


def running(s: Session, now: datetime) -> Sequence[Drill]:
    """The drills that are under way."""
    return s.scalars(select(Drill).where(Drill.started_at <= now, Drill.ends_at > now).order_by(Drill.id)).all()


def newest(s: Session, most: int = 20) -> Sequence[Drill]:
    return s.scalars(select(Drill).order_by(Drill.id.desc()).limit(most)).all()


def start(s: Session, name: str, by: Operator, now: datetime, form: UUID) -> Drill:
    """Start a drill. A form that is sent twice starts one.

    Raises Invalid for an unknown scenario; Refused where a provider is real, where the scenario's zones are missing,
    and while a drill about the same event runs, since their alerts could not be told apart.
    """
    operators.require(by, "draft")
    chosen = scenarios.scenario(name)
    _require_practice(s)
    take_lock(s, _TURN)
    if (known := s.scalar(select(Drill).where(Drill.form == form))) is not None:
        return known
    for other in running(s, now):
        if other.event == chosen.event:
            raise Refused(
                _(
                    "The drill %(label)s runs until %(ends_at)s, about the same event.",
                    label=repr(scenarios.label_of(other)),
                    ends_at=shown(other.ends_at, settings().tz),
                ),
                hint=_("Wait for it, or end it."),
            )
    drill = Drill(
        scenario=chosen.name,
        label=chosen.label,
        event=chosen.event,
        area=_area(s, chosen),
        started_by=by.id,
        started_at=now,
        ends_at=now + chosen.lasts,
        form=form,
    )
    s.add(drill)
    s.flush()
    audit.note(s, now=now, by=by, action="start", subject="drill", subject_id=drill.id, scenario=chosen.name)
    return drill


def take_part(s: Session, drill_id: int, session_id: int, by: Operator, now: datetime) -> WorkingDraft:
    """Enter exercise mode and open the form of a drill's event. Raises Refused when the drill is over."""
    operators.require(by, "draft")
    drill = find(s, drill_id)
    if drill.ends_at <= now:
        raise Refused(
            _(
                "The drill %(label)s ended at %(ends_at)s.",
                label=repr(scenarios.label_of(drill)),
                ends_at=shown(drill.ends_at, settings().tz),
            ),
            hint=_("Start a new one."),
        )
    set_mode(s, session_id, True, by, now)
    by.exercising = True
    return working_start.start(s, drill.event, "issue", by, now)


def end(s: Session, drill_id: int, by: Operator, now: datetime) -> None:
    """End a drill early; nothing if it is over. By who started it, or an admin."""
    operators.require(by, "draft")
    drill = find(s, drill_id)
    if by.id != drill.started_by and by.role != "admin":
        raise NotAllowed(_("This drill was started by somebody else."), hint=_("Ask them or an admin to end it."))
    ended = s.execute(
        text("UPDATE drills SET ends_at = :now WHERE id = :id AND ends_at > :now RETURNING id"),
        {"now": max(now, drill.started_at), "id": drill_id},
    ).all()
    if ended:
        audit.note(s, now=now, by=by, action="end", subject="drill", subject_id=drill_id)


def find(s: Session, drill_id: int) -> Drill:
    drill = s.get(Drill, drill_id)
    if drill is None:
        raise NotFound(_("There is no drill %(drill)s.", drill=drill_id), hint="`tocsin drills list` shows them.")
    return drill


def _require_practice(s: Session) -> None:
    """Raise Refused where the stack has no simulators, or an open sender that is not one of them."""
    if not settings().simulator_url:
        raise Refused(_("This installation has no simulators to practise with."), hint=exercise.HINT)
    exercise.require_simulators(s, list(CHANNELS), "Exercise", settings())


def _area(s: Session, chosen: Scenario) -> bytes:
    try:
        return to_wkb(city_area.find(s, Where([InZone(name) for name in chosen.zones])).shape)
    except NotFound as error:
        raise Refused(
            _("The scenario %(name)s needs the zones of the training city: %(error)s", name=chosen.name, error=error),
            hint=exercise.HINT,
        ) from None
