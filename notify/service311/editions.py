"""Editions of the calendars. What is imported or changed becomes public when it is published, all at once, under a
number that stands on every output; an edition can be read again as it was."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit
from notify.core.db import take_lock
from notify.core.errors import Invalid, Refused
from notify.core.translation import gettext as _
from notify.models import CollectionEdition, CollectionRule, CollectionSchedule, Operator
from notify.service311.notices.causes import is_ours

LOCK = 7_461_021  # two publications at once would take the same number
LONGEST_NOTE = 200
TABLES = ("collection_schedules", "collection_rules")


@dataclass(frozen=True, slots=True)
class Pending:
    """Rows that the next edition adds and leaves out."""

    added: int
    left_out: int

    @property
    def any(self) -> bool:
        return bool(self.added or self.left_out)


def current(s: Session) -> CollectionEdition | None:
    """Return the newest edition; None before the first."""
    return s.scalar(select(CollectionEdition).order_by(CollectionEdition.number.desc()).limit(1))


def all_editions(s: Session) -> Sequence[CollectionEdition]:
    """Return the editions, the newest first."""
    return s.scalars(select(CollectionEdition).order_by(CollectionEdition.number.desc())).all()


def has(table: type[CollectionSchedule | CollectionRule], number: int) -> ColumnElement[bool]:
    """Return whether a row is in an edition."""
    return and_(table.from_edition <= number, or_(table.until_edition.is_(None), table.until_edition > number))


def next_has(table: type[CollectionSchedule | CollectionRule]) -> ColumnElement[bool]:
    """Return whether a row will be in the next edition, as it stands."""
    return and_(table.until_edition.is_(None), table.leaving.is_(False))


def pending(s: Session) -> Pending:
    counts = """SELECT count(*) FILTER (WHERE from_edition IS NULL),
                       count(*) FILTER (WHERE leaving AND until_edition IS NULL) FROM {}"""
    rows = [s.execute(text(counts.format(table))).one() for table in TABLES]
    return Pending(sum(row[0] for row in rows), sum(row[1] for row in rows))


def fingerprint(s: Session) -> str:
    """Return what names the waiting changes: another one after any edit, so that nobody publishes what they have not
    seen."""
    ids = "SELECT '{0}', id, leaving FROM {0} WHERE from_edition IS NULL OR (leaving AND until_edition IS NULL)"
    rows = s.execute(text(" UNION ALL ".join(map(ids.format, TABLES)) + " ORDER BY 1, 2")).all()
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()[:16]


def publish(
    s: Session, note: str, now: datetime, by: Operator | None = None, seen: str | None = None
) -> CollectionEdition:
    """Publish what was imported and changed as the next edition. `seen`: the fingerprint of what was looked at.

    Raises NotAllowed; Refused when nothing has changed, or something else than was seen, or when residents would read
    what the publisher alone has read; Invalid for a note that is too long.
    """
    _begin(s, note, by)
    if not pending(s).any:
        raise Refused(
            _("Nothing has changed since the last edition."), hint=_("Import schedules or change a rule first.")
        )
    if seen is not None and seen != fingerprint(s):
        raise Refused(
            _("The changes are others than those you have looked at."), hint=_("Look at them again, and publish then.")
        )
    if by is not None:
        _require_second(s, by)
    edition = _next(s, note, now, by)
    for table in TABLES:
        s.execute(text(f"UPDATE {table} SET from_edition = :n WHERE from_edition IS NULL"), {"n": edition.number})  # noqa: S608
        s.execute(
            text(f"UPDATE {table} SET until_edition = :n WHERE leaving AND until_edition IS NULL"),  # noqa: S608
            {"n": edition.number},
        )
    audit.note(s, now=now, by=by, action="publish", subject="collection edition", subject_id=edition.number)
    return edition


def publish_rules(
    s: Session, rows: Sequence[int], note: str, now: datetime, by: Operator | None = None
) -> CollectionEdition:
    """Publish some new rules or exceptions as the next edition, without other changes that wait: a storm does not wait
    for an import that is half done. Raises NotAllowed; Invalid for a note that is too long."""
    _begin(s, note, by)
    edition = _next(s, note, now, by)
    s.execute(
        text("UPDATE collection_rules SET from_edition = :n WHERE from_edition IS NULL AND id = ANY(:rows)"),
        {"n": edition.number, "rows": list(rows)},
    )
    audit.note(s, now=now, by=by, action="publish", subject="collection edition", subject_id=edition.number)
    return edition


def _begin(s: Session, note: str, by: Operator | None) -> None:
    operators.require_by(by, "collections")
    take_lock(s, LOCK)
    if len(note) > LONGEST_NOTE:
        raise Invalid(
            _("The note has %(count)s characters.", count=len(note)),
            hint=_("The most is %(most)s.", most=LONGEST_NOTE),
        )


def _require_second(s: Session, by: Operator) -> None:
    """Raise Refused where calendars would show what the publisher has typed: like free words in an alert, they need a
    second person."""
    theirs = select(CollectionRule).where(
        CollectionRule.from_edition.is_(None), CollectionRule.made_by == by.id, CollectionRule.kind != "rule"
    )
    for row in s.scalars(theirs):
        said = str(row.body["name" if row.kind == "holiday" else "reason"])
        if not row.body.get("chosen") and not is_ours(said):
            raise Refused(
                _("Residents would read %(said)s, which you have typed.", said=repr(said)),
                hint=_("Somebody else must publish it. Reasons and holidays from the list need nobody else."),
            )


def _next(s: Session, note: str, now: datetime, by: Operator | None) -> CollectionEdition:
    last = current(s)
    edition = CollectionEdition(
        number=last.number + 1 if last else 1, published_at=now, published_by=by.id if by else None, note=note
    )
    s.add(edition)
    s.flush()
    return edition
