"""Holidays, rules and exceptions in the database: as data, with who made each and why. They count from the next edition
on (`editions.publish`)."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit
from notify.core.characters import visible
from notify.core.db import take_lock
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import CollectionRule, Operator
from notify.service311 import editions, rule_data
from notify.service311.holiday_dates import chosen_holidays
from notify.service311.rules import DayException, Holiday, Rule

LONGEST_REASON, LONGEST_NAME = 300, 80  # characters
MOST_DATES = 40  # of a row of one holiday: a year has one, and calendars are made for a few
MOST_YEARS = 40  # before and after this one
_SAFE = re.compile(r"(?!.*\d{3})(?!.*\w\.\w)[^\W_][\w '\u2019.,()/&-]*")
MOST_ROWS = 2_000  # that stand at once: each is read for each calendar

IN_ORDER = (CollectionRule.place, CollectionRule.id)
Kind: TypeAlias = Literal["holiday", "rule", "exception"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an edition says besides its schedules. Rules stand in their order: the first that reaches a date decides."""

    holidays: tuple[Holiday, ...] = ()
    rules: tuple[Rule, ...] = ()
    exceptions: tuple[DayException, ...] = ()


def add_holiday(
    s: Session, name: str, days: Sequence[date], reason: str, now: datetime, by: Operator | None = None,
    *, chosen: bool = False,
) -> CollectionRule:  # fmt: skip
    """Add a holiday that the city keeps, or a storm, with its dates. A rule names it. Dates that are listed already are
    left out. `chosen`: its name is one of a list, and nobody typed it.

    Raises NotAllowed, Invalid; Refused when no date is new.
    """
    operators.require_by(by, "collections")  # before anything is said of what is listed
    name, wanted = visible(name), set(days)
    if not name or not wanted:
        raise Invalid(_("A holiday has no name or no date."), hint=_("Give both."))
    if not _SAFE.fullmatch(name):  # it stands in texts to residents, beside the city's own words
        raise Invalid(
            _("%(name)s cannot be the name of a holiday.", name=repr(name[:LONGEST_NAME])),
            hint=_("Use letters, and no link or long number."),
        )
    _require_near([*wanted], now)
    if len(name) > LONGEST_NAME or len(wanted) > MOST_DATES:
        raise Invalid(
            _("A holiday has at most %(most)s characters and %(dates)s dates.", most=LONGEST_NAME, dates=MOST_DATES),
            hint=_("List a few years; later ones follow."),
        )
    known = {one.day for one in read(standing(s)).holidays if one.name == name}
    if not wanted - known:
        raise Refused(_("%(name)s is listed on that date already.", name=name))
    body: dict[str, Any] = {"name": name, "days": [day.isoformat() for day in sorted(wanted - known)]}
    if chosen:
        body["chosen"] = True
    return _add(s, "holiday", body, reason, now, by)


def add_chosen(
    s: Session,
    names: Collection[str],
    country: str,
    subdivision: str | None,
    years: Iterable[int],
    reason: str,
    now: datetime,
    by: Operator | None = None,
) -> None:
    """Add holidays of the `holidays` library by their names, with their dates in these years. What is listed already
    stays. Raises NotAllowed; Invalid for a name without a date; Refused when no date is new."""
    known = {(one.name, one.day) for one in read(standing(s)).holidays}
    days: dict[str, list[date]] = {}
    for one in chosen_holidays(names, country, subdivision, years):
        if (one.name, one.day) not in known:
            days.setdefault(one.name, []).append(one.day)
    if not days:
        raise Refused(_("All these holidays are listed already."))
    for name, of_name in days.items():
        add_holiday(s, name, of_name, reason, now, by, chosen=True)


def add_rule(
    s: Session, rule: Rule, reason: str, now: datetime, by: Operator | None = None, instead: int | None = None
) -> CollectionRule:
    """Add a rule behind those that are there, or in the place of one, which leaves. The same words again, as a double
    click sends them, add nothing. Raises NotAllowed, Invalid; NotFound and Refused as `remove` does."""
    return _add(s, "rule", rule_data.to_data(rule), reason, now, by, instead)


def add_exception(
    s: Session, exception: DayException, now: datetime, by: Operator | None = None, instead: int | None = None
) -> CollectionRule:
    """Add one day's change, with its own author and reason, or put it in the place of one. Raises as
    `add_rule` does."""
    _require_near([day for day in (exception.day, exception.moved_to) if day], now)
    if not _SAFE.fullmatch(exception.reason):  # residents read it on their calendars
        raise Invalid(
            _("%(reason)s cannot be the reason of an exception.", reason=repr(exception.reason[:LONGEST_NAME])),
            hint=_("Residents read it. Use letters, and no link or long number."),
        )
    return _add(s, "exception", rule_data.to_data(exception), exception.reason, now, by, instead)


def move_up(s: Session, rule_id: int, now: datetime, by: Operator | None = None) -> None:
    """Put a rule before the one that comes before it. A published row stays as it was: a copy takes the new place.

    Raises NotAllowed, NotFound; Refused for the first one.
    """
    operators.require_by(by, "collections")
    row = _standing_row(s, rule_id)
    before = [one for one in standing(s) if one.kind == row.kind and one.place < row.place]
    if row.leaving or not before:
        raise Refused(_("Rule %(rule)s is the first one.", rule=rule_id))
    place = (before[-1].place + (before[-2].place if len(before) > 1 else before[-1].place - 2)) / 2
    kind, body, reason = row.kind, row.body, row.reason
    remove(s, rule_id, now, by)
    _add(s, kind, body, reason, now, by, place=place)


def add_exceptions(
    s: Session, exceptions: Sequence[DayException], now: datetime, by: Operator | None = None
) -> list[int]:
    """Add many days' changes at once, as a storm makes them: however many rows there are. Raises NotAllowed."""
    operators.require_by(by, "collections")
    _lock(s)
    last = s.scalar(select(func.max(CollectionRule.place))) or 0
    rows = [
        CollectionRule(
            kind="exception",
            body=rule_data.to_data(one),
            reason=one.reason,
            made_at=now,
            made_by=by.id if by else None,
            place=last + n,
        )
        for n, one in enumerate(exceptions, 1)
    ]
    s.add_all(rows)
    s.flush()
    if rows:
        audit.note(
            s, now=now, by=by, action="add", subject="collection rule", subject_id=rows[0].id, kind="exception",
            count=len(rows),
        )  # fmt: skip
    return [row.id for row in rows]


def remove(s: Session, rule_id: int, now: datetime, by: Operator | None = None) -> None:
    """Take a row out of the next edition; what was never published is deleted.

    Raises NotAllowed, NotFound; Refused when an earlier edition was the last to have it.
    """
    operators.require_by(by, "collections")
    row = _standing_row(s, rule_id)
    if row.from_edition is None:
        s.delete(row)
    else:
        row.leaving = True
    audit.note(s, now=now, by=by, action="remove", subject="collection rule", subject_id=rule_id)


def keep(s: Session, rule_id: int, now: datetime, by: Operator | None = None) -> None:
    """Take back that a row leaves with the next edition. Raises NotAllowed, NotFound; Refused where it does not."""
    operators.require_by(by, "collections")
    row = _standing_row(s, rule_id)
    if not row.leaving:
        raise Refused(_("Rule %(rule)s does not leave.", rule=rule_id))
    row.leaving = False
    audit.note(s, now=now, by=by, action="keep", subject="collection rule", subject_id=rule_id)


def of_edition(s: Session, edition: int) -> Rules:
    """Return the rules as an edition has them."""
    rows = s.scalars(select(CollectionRule).where(editions.has(CollectionRule, edition)).order_by(*IN_ORDER)).all()
    return read(rows)


def standing(s: Session) -> Sequence[CollectionRule]:
    """Return the rows as the next edition will have them, in their order."""
    return s.scalars(select(CollectionRule).where(editions.next_has(CollectionRule)).order_by(*IN_ORDER)).all()


def row(s: Session, rule_id: int, kind: Kind) -> CollectionRule:
    """Return a row of the next edition. Raises NotFound."""
    found = s.get(CollectionRule, rule_id)
    if found is None or found.kind != kind or found.leaving or found.until_edition is not None:
        raise NotFound(_("There is no rule %(rule)s.", rule=rule_id), hint=_("Look at the list of rules."))
    return found


def leaving(s: Session) -> Sequence[CollectionRule]:
    """Return the rows of the current edition that the next one will not have."""
    gone = (CollectionRule.leaving, CollectionRule.until_edition.is_(None))
    return s.scalars(select(CollectionRule).where(*gone).order_by(*IN_ORDER)).all()


def read(rows: Sequence[CollectionRule]) -> Rules:
    """Return rows as the values of the engine."""
    bodies: dict[str, list[dict[str, Any]]] = {"holiday": [], "rule": [], "exception": []}
    for row in rows:
        bodies[row.kind].append(row.body)
    return Rules(
        tuple(Holiday(date.fromisoformat(day), one["name"]) for one in bodies["holiday"] for day in one["days"]),
        tuple(rule_data.to_rule(one) for one in bodies["rule"]),
        tuple(rule_data.to_exception(one) for one in bodies["exception"]),
    )


def _add(
    s: Session,
    kind: Kind,
    body: dict[str, Any],
    reason: str,
    now: datetime,
    by: Operator | None,
    instead: int | None = None,
    place: float | None = None,
) -> CollectionRule:
    """`instead`: the row whose place it takes. `place`: a place that is known."""
    operators.require_by(by, "collections")
    _lock(s)
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= LONGEST_REASON:
        raise Invalid(
            _("A rule needs a reason of at most %(most)s characters.", most=LONGEST_REASON), hint=_("Say why it is so.")
        )
    rows = standing(s)
    newest = max(rows, key=lambda row: row.id, default=None)
    if newest is not None and (newest.kind, newest.body, newest.reason) == (kind, body, reason):
        return newest  # a double click; an older row like it is one that a newer may overrule
    if len(rows) >= MOST_ROWS:
        raise Refused(_("There are %(count)s rules already.", count=MOST_ROWS), hint=_("Remove those of past years."))
    if instead is not None:
        place = _standing_row(s, instead).place
        remove(s, instead, now, by)
    if place is None:
        place = (s.scalar(select(func.max(CollectionRule.place))) or 0) + 1
    made_by = by.id if by else None
    row = CollectionRule(kind=kind, body=body, reason=reason, made_at=now, made_by=made_by, place=place)
    s.add(row)
    s.flush()
    audit.note(s, now=now, by=by, action="add", subject="collection rule", subject_id=row.id, kind=kind)
    return row


def _require_near(days: Sequence[date], now: datetime) -> None:
    """Raise Invalid for a date that is years away: a misprint, which would do nothing and be seen by nobody."""
    far = [day for day in days if abs(day.year - now.year) > MOST_YEARS]
    if far:
        raise Invalid(_("%(year)s is too far away.", year=far[0].year), hint=_("Choose a year near this one."))


def _standing_row(s: Session, rule_id: int) -> CollectionRule:
    """Return a row of the current or the next edition, locked. Raises NotFound, Refused."""
    _lock(s)
    row = s.get(CollectionRule, rule_id, with_for_update=True)
    if row is None:
        raise NotFound(_("There is no rule %(rule)s.", rule=rule_id), hint=_("Look at the list of rules."))
    if row.until_edition is not None:
        raise Refused(_("Rule %(rule)s has ended already.", rule=rule_id))
    return row


def _lock(s: Session) -> None:
    """Wait for who edits or publishes: what is published is what somebody has looked at."""
    take_lock(s, editions.LOCK)
