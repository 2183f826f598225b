"""Holidays, rules and exceptions in the database: as data, with who made each and why. They count from the next edition
on (`editions.publish`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import CollectionRule, Operator
from notify.service311.rules import DayException, Direction, Effect, Holiday, Otherwise, Rule, State, Weekend

LONGEST_REASON = 300

Kind: TypeAlias = Literal["holiday", "rule", "exception"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an edition says besides its schedules. Rules stand in their order: the first that reaches a date decides."""

    holidays: tuple[Holiday, ...] = ()
    rules: tuple[Rule, ...] = ()
    exceptions: tuple[DayException, ...] = ()


def add_holiday(
    s: Session, name: str, days: Sequence[date], reason: str, now: datetime, by: Operator | None = None
) -> CollectionRule:
    """Add a holiday that the city keeps, or a storm, with its dates. A rule names it. Raises NotAllowed, Invalid."""
    if not name.strip() or not days:
        raise Invalid(_("A holiday has no name or no date."), hint=_("Give both."))
    body = {"name": name.strip(), "days": [day.isoformat() for day in sorted(set(days))]}
    return _add(s, "holiday", body, reason, now, by)


def add_rule(s: Session, rule: Rule, reason: str, now: datetime, by: Operator | None = None) -> CollectionRule:
    """Add a rule behind those that are there. Raises NotAllowed, Invalid."""
    return _add(s, "rule", _of_rule(rule), reason, now, by)


def add_exception(s: Session, exception: DayException, now: datetime, by: Operator | None = None) -> CollectionRule:
    """Add one day's change, with its own author and reason. Raises NotAllowed, Invalid."""
    return _add(s, "exception", _of_exception(exception), exception.reason, now, by)


def remove(s: Session, rule_id: int, now: datetime, by: Operator | None = None) -> None:
    """Take a row out of the next edition; what was never published is deleted.

    Raises NotAllowed, NotFound; Refused when an earlier edition was the last to have it.
    """
    operators.require_by(by, "administer")
    row = s.get(CollectionRule, rule_id, with_for_update=True)
    if row is None:
        raise NotFound(_("There is no rule %(rule)s.", rule=rule_id), hint=_("Look at the list of rules."))
    if row.until_edition is not None:
        raise Refused(_("Rule %(rule)s has ended already.", rule=rule_id))
    if row.from_edition is None:
        s.delete(row)
    else:
        row.leaving = True
    audit.note(s, now=now, by=by, action="remove", subject="collection rule", subject_id=rule_id)


def of_edition(s: Session, edition: int) -> Rules:
    """Return the rules as an edition has them."""
    rows = s.scalars(
        select(CollectionRule)
        .where(CollectionRule.from_edition <= edition)
        .where(CollectionRule.until_edition.is_(None) | (CollectionRule.until_edition > edition))
        .order_by(CollectionRule.id)
    ).all()
    return read(rows)


def standing(s: Session) -> Sequence[CollectionRule]:
    """Return the rows as the next edition will have them, in their order."""
    rows = select(CollectionRule).where(CollectionRule.until_edition.is_(None), CollectionRule.leaving.is_(False))
    return s.scalars(rows.order_by(CollectionRule.id)).all()


def read(rows: Sequence[CollectionRule]) -> Rules:
    """Return rows as the values of the engine."""
    bodies: dict[str, list[Mapping[str, Any]]] = {"holiday": [], "rule": [], "exception": []}
    for row in rows:
        bodies[row.kind].append(row.body)
    return Rules(
        tuple(Holiday(date.fromisoformat(day), one["name"]) for one in bodies["holiday"] for day in one["days"]),
        tuple(_rule(one) for one in bodies["rule"]),
        tuple(_exception(one) for one in bodies["exception"]),
    )


def _add(
    s: Session, kind: Kind, body: dict[str, Any], reason: str, now: datetime, by: Operator | None
) -> CollectionRule:
    operators.require_by(by, "administer")
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= LONGEST_REASON:
        raise Invalid(
            _("A rule needs a reason of at most %(most)s characters.", most=LONGEST_REASON), hint=_("Say why it is so.")
        )
    row = CollectionRule(kind=kind, body=body, reason=reason, made_at=now, made_by=by.id if by else None)
    s.add(row)
    s.flush()
    audit.note(s, now=now, by=by, action="add", subject="collection rule", subject_id=row.id, kind=kind)
    return row


def _of_rule(rule: Rule) -> dict[str, Any]:
    return {
        "holidays": sorted(rule.holidays),
        "effect": rule.effect.value,
        "direction": rule.direction.value,
        "zones": None if rule.zones is None else sorted(rule.zones),
        "streams": None if rule.streams is None else sorted(rule.streams),
        "bound": rule.bound,
        "spill_to": rule.spill_to,
        "weekend": rule.weekend.value,
        "otherwise": rule.otherwise.value,
        "set_out_at": rule.set_out_at and rule.set_out_at.isoformat(),
    }


def _rule(body: Mapping[str, Any]) -> Rule:
    return Rule(
        frozenset(body["holidays"]),
        Effect(body["effect"]),
        Direction(body["direction"]),
        None if body["zones"] is None else frozenset(body["zones"]),
        None if body["streams"] is None else frozenset(body["streams"]),
        body["bound"],
        body["spill_to"],
        Weekend(body["weekend"]),
        Otherwise(body["otherwise"]),
        body["set_out_at"] and time.fromisoformat(body["set_out_at"]),
    )


def _of_exception(one: DayException) -> dict[str, Any]:
    return {
        "day": one.day.isoformat(),
        "author": one.author,
        "reason": one.reason,
        "zone": one.zone,
        "stream": one.stream,
        "moved_to": one.moved_to and one.moved_to.isoformat(),
        "state": one.state and one.state.value,
    }


def _exception(body: Mapping[str, Any]) -> DayException:
    return DayException(
        date.fromisoformat(body["day"]),
        body["author"],
        body["reason"],
        body["zone"],
        body["stream"],
        body["moved_to"] and date.fromisoformat(body["moved_to"]),
        body["state"] and State(body["state"]),
    )
