"""The duty roster: who is on duty, who deputises, who is next. A shift without a deputy cannot exist.

Shifts never overlap. Acts on the roster take turns, so two people who take over at once leave one of them on duty.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from notify.accounts import operators
from notify.core import audit, translation
from notify.core.characters import visible
from notify.core.city_time import shown
from notify.core.db import take_lock
from notify.core.errors import Invalid, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.models import Duty, Operator

OPEN_SHIFT = timedelta(hours=12)  # of somebody who takes over while nobody is on duty
LONGEST = timedelta(days=31)
LONGEST_NOTE = 1000  # characters
_TURN = 0x726F73746572  # the advisory lock of acts on the roster


class Shift(NamedTuple):
    """A shift with its people."""

    duty: Duty
    operator: Operator
    deputy: Operator


class Roster(NamedTuple):
    """Who is on duty at a moment, and the shift that comes next."""

    now: Shift | None
    next: Shift | None


def at(s: Session, now: datetime) -> Roster:
    """Return who is on duty and who is next."""
    found = _shifts(s, Duty.ends_at > now, most=2)
    first = found[0] if found and found[0].duty.starts_at <= now else None
    rest = found[1:] if first else found
    return Roster(first, rest[0] if rest else None)


def between(s: Session, starts_at: datetime, ends_at: datetime) -> list[Shift]:
    """Return the shifts that touch a time, the earliest first."""
    return _shifts(s, Duty.ends_at > starts_at, Duty.starts_at < ends_at)


def may_serve(s: Session) -> Sequence[Operator]:
    """Return who may be on duty: everybody who may approve alerts and is not disabled."""
    serving = Operator.role.in_(operators.MAY["approve"])
    return s.scalars(select(Operator).where(serving, Operator.disabled_at.is_(None)).order_by(Operator.email)).all()


def order(s: Session, now: datetime) -> list[list[Operator]]:
    """Return the people who can approve, in the order in which they are asked: on duty, deputy, all others."""
    able = {one.id: one for one in may_serve(s)}
    present = at(s, now).now
    named = [present.operator, present.deputy] if present else []
    first = [able.pop(one.id) for one in named if one.id in able]
    return [[one] for one in first] + ([list(able.values())] if able else [])


def plan(
    s: Session,
    who: str,
    deputy: str,
    starts_at: datetime,
    ends_at: datetime,
    by: Operator,
    now: datetime,
    note: str = "",
) -> Duty:
    """Plan a shift. `who` and `deputy` are emails. Raises Invalid, NotFound; Refused when it overlaps another one."""
    operators.require(by, "roster")
    _take_turn(s)
    if ends_at <= starts_at:
        raise Invalid(_("The shift ends before it begins."), hint=_("Give an end that is later than its beginning."))
    if ends_at <= now:
        raise Invalid(_("The shift is over already."), hint=_("Give an end that is still to come."))
    if ends_at - starts_at > LONGEST:
        raise Invalid(_("The shift is longer than %(days)s days.", days=LONGEST.days), hint=_("Plan several shifts."))
    there = between(s, starts_at, ends_at)
    if there:
        raise Refused(
            _("%(email)s is on duty at that time already.", email=there[0].operator.email),
            hint=_instead_of(there[0].duty, now),
        )
    return _add(s, _serving(s, who), _serving(s, deputy), starts_at, ends_at, by, now, "plan", note)


def _instead_of(there: Duty, now: datetime) -> str:
    """What to do where a shift is in the way."""
    if there.starts_at > now:
        return _("Choose another time, or take that shift off the roster first.")
    return _(
        "That shift has begun and ends at %(ends_at)s. Plan yours from then on, or hand the present one over.",
        ends_at=shown(there.ends_at, settings().tz),
    )


def take_over(s: Session, by: Operator, now: datetime, note: str = "", deputy: str = "") -> Duty:
    """Go on duty now, for the rest of the present shift. Whoever is relieved becomes the deputy, unless one is named.

    Does nothing for somebody who is on duty already. Raises Refused when nobody could be the deputy.
    """
    operators.require(by, "roster")
    _take_turn(s)
    present, following = at(s, now)
    if present and present.operator.id == by.id:
        return present.duty
    able = {one.id: one for one in may_serve(s)}
    named = _serving(s, deputy) if deputy else _deputy_for(by, present, following, able.values())
    if present:
        ends_at = present.duty.ends_at
        _end(s, present, now)
    else:
        ends_at = min(now + OPEN_SHIFT, following.duty.starts_at) if following else now + OPEN_SHIFT
    return _add(s, by, named, now, ends_at, by, now, "take over", note)


def hand_over(
    s: Session, to: str, by: Operator, now: datetime, note: str, deputy: str = "", seen: int | None = None
) -> Duty:
    """Put somebody else on duty for the rest of the present shift. By whoever is on duty, or by an admin.

    `seen`: the shift that the person's page showed. Does nothing when `to` is on duty already. Raises Invalid
    without a note; Refused when nobody is on duty, or somebody else has taken over since.
    """
    operators.require(by, "roster")
    _take_turn(s)
    successor = _serving(s, to)
    present, following = at(s, now)
    if present and present.operator.id == successor.id:
        return present.duty
    if present is None:
        raise Refused(
            _("Nobody is on duty."), hint=_("Take over instead: then the roster has somebody to hand over from.")
        )
    if seen is not None and seen != present.duty.id:
        raise Refused(
            _("%(email)s has taken over meanwhile.", email=present.operator.email), hint=_("Look at the roster again.")
        )
    if by.id != present.operator.id and by.role != "admin":
        raise Refused(
            _("%(email)s is on duty, not you.", email=present.operator.email),
            hint=_("Take over yourself, or ask an admin."),
        )
    if not visible(note):
        raise Invalid(
            _("The hand-over has no note."), hint=_("Write what your successor must know, if only: all quiet.")
        )
    named = _serving(s, deputy) if deputy else _deputy_for(successor, present, following, may_serve(s))
    ends_at = present.duty.ends_at
    _end(s, present, now)
    return _add(s, successor, named, now, ends_at, by, now, "hand over", note)


def take_off(s: Session, duty_id: int, by: Operator, now: datetime) -> None:
    """Take a planned shift off the roster. Raises Refused for one that has begun: it can only be handed over."""
    operators.require(by, "roster")
    _take_turn(s)
    duty = s.get(Duty, duty_id)
    if duty is None or duty.starts_at == duty.ends_at:
        raise Refused(_("That shift is not on the roster any more."), hint=_("Look at the roster again."))
    if duty.starts_at <= now:
        raise Refused(
            _("That shift has begun."), hint=_("Duty cannot be left without a successor: hand it over instead.")
        )
    duty.ends_at = duty.starts_at
    audit.note(s, now=now, by=by, action="take off", subject="duty", subject_id=duty.id, operator=duty.operator_id)


def _shifts(s: Session, *conditions: ColumnElement[bool], most: int = 200) -> list[Shift]:
    deputy = aliased(Operator)
    rows = s.execute(
        select(Duty, Operator, deputy)
        .join(Operator, Operator.id == Duty.operator_id)
        .join(deputy, deputy.id == Duty.deputy_id)
        .where(Duty.starts_at < Duty.ends_at, *conditions)
        .order_by(Duty.starts_at)
        .limit(most)
    )
    return [Shift(*row) for row in rows]


def _take_turn(s: Session) -> None:
    take_lock(s, _TURN)


def _serving(s: Session, email: str) -> Operator:
    """Return an operator who may be on duty. Raises NotFound, and Invalid for one who may not approve."""
    found = operators.find(s, email)
    if found.role not in operators.MAY["approve"]:
        raise Invalid(
            _("%(email)s has the role %(role)s and cannot approve alerts.", email=found.email, role=word(found.role)),
            hint=_("Name somebody with the role approver or admin."),
        )
    return found


def _deputy_for(who: Operator, present: Shift | None, following: Shift | None, able: Iterable[Operator]) -> Operator:
    """Return the deputy when none was named: who is relieved, who deputised, who is next, or anybody else."""
    everybody = list(able)
    first = [present.operator, present.deputy] if present else []
    first += [following.operator, following.deputy] if following else []
    allowed = {one.id for one in everybody}
    for one in [*first, *everybody]:
        if one.id != who.id and one.id in allowed:
            return one
    raise Refused(
        _("Nobody could deputise for %(email)s: nobody else may approve alerts.", email=who.email),
        hint=_("Duty needs a named deputy. An admin can make somebody else an approver."),
    )


def _end(s: Session, present: Shift, now: datetime) -> None:
    present.duty.ends_at = now
    s.flush()


def _add(
    s: Session,
    who: Operator,
    deputy: Operator,
    starts_at: datetime,
    ends_at: datetime,
    by: Operator,
    now: datetime,
    action: str,
    note: str,
) -> Duty:
    if who.id == deputy.id:
        raise Invalid(
            _("%(email)s cannot deputise for themselves.", email=who.email), hint=_("Name somebody else as the deputy.")
        )
    shown = visible(note)
    if len(shown) > LONGEST_NOTE:
        raise Invalid(
            _("The note has %(count)s characters.", count=translation.number(len(shown))),
            hint=_("The most is %(longest)s.", longest=translation.number(LONGEST_NOTE)),
        )
    duty = Duty(
        operator_id=who.id,
        deputy_id=deputy.id,
        starts_at=starts_at,
        ends_at=ends_at,
        note=shown,
        made_by=by.id,
        made_at=now,
    )
    s.add(duty)
    s.flush()
    detail = {"operator": who.id, "deputy": deputy.id, "until": ends_at.isoformat()}
    audit.note(s, now=now, by=by, action=action, subject="duty", subject_id=duty.id, **detail)
    return duty
