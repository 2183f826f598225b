"""A resident says that a date of a calendar is wrong: a ticket for staff, with the zone, the date and the edition."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit
from notify.core.characters import visible
from notify.core.db import take_lock
from notify.core.errors import Invalid, NotFound, Refused, TocsinError
from notify.core.translation import gettext as _
from notify.models import CollectionSchedule, CollectionTicket, Operator, Zone
from notify.service311 import calendars, editions

KEPT = timedelta(days=365)  # closed tickets
SHOWN = 50  # closed tickets, the newest
LONGEST = 500  # characters
LOCK = 7_461_022  # two at once would open two tickets of one date


class OpenTicket(NamedTuple):
    """`sources`: the files that the days of that stream came from, in the edition that was seen."""

    ticket: CollectionTicket
    zone: str
    sources: tuple[str, ...]


def report(s: Session, zone_id: int, stream: str, on: date, edition: int, language: str, now: datetime) -> int:
    """Open a ticket and return its number. A stream and date of a zone have one open ticket, however many report it;
    nothing is kept of who did. Raises Invalid for what no calendar shows now."""
    zone = s.get(Zone, zone_id)
    calendar = calendars.of_zone(s, zone, now) if zone is not None else None
    shown = calendar is not None and any(
        one.stream == stream and calendars.shown_on(one) == on for one in calendar.collections
    )
    if calendar is None or not shown or not 0 < edition <= calendar.edition.number:
        raise nowhere(Invalid)
    take_lock(s, LOCK)
    same = select(CollectionTicket.id).where(
        CollectionTicket.zone_id == zone_id,
        CollectionTicket.stream == stream,
        CollectionTicket.on_date == on,
        CollectionTicket.closed_at.is_(None),
    )
    if (known := s.scalar(same.limit(1))) is not None:
        return known
    ticket = CollectionTicket(
        zone_id=zone_id, stream=stream, on_date=on, edition=edition, language=language, made_at=now
    )
    s.add(ticket)
    s.flush()
    return ticket.id


def nowhere(kind: type[TocsinError]) -> TocsinError:
    """Return the error for a date that no calendar shows."""
    return kind(_("That is in no calendar."), hint=_("Open the calendar again, and choose the date there."))


def open_ones(s: Session) -> Sequence[OpenTicket]:
    """Return the open tickets, the oldest first."""
    rows = s.execute(
        select(CollectionTicket, Zone.name)
        .join(Zone, Zone.id == CollectionTicket.zone_id)
        .where(CollectionTicket.closed_at.is_(None))
        .order_by(CollectionTicket.made_at, CollectionTicket.id)
    ).all()
    return [OpenTicket(ticket, zone, _sources(s, ticket)) for ticket, zone in rows]


def closed_ones(s: Session, now: datetime) -> Sequence[OpenTicket]:
    """Return the closed tickets that are still kept, the newest first."""
    rows = s.execute(
        select(CollectionTicket, Zone.name)
        .join(Zone, Zone.id == CollectionTicket.zone_id)
        .where(CollectionTicket.closed_at > now - KEPT)
        .order_by(CollectionTicket.closed_at.desc())
        .limit(SHOWN)
    ).all()
    return [OpenTicket(ticket, zone, ()) for ticket, zone in rows]


def take(s: Session, ticket_id: int, now: datetime, by: Operator) -> None:
    """Say that one looks at a ticket. Who takes it again takes it over. Raises as `close`."""
    ticket = _open(s, ticket_id, by)
    ticket.taken_at, ticket.taken_by = now, by.id
    audit.note(s, now=now, by=by, action="take", subject="collection ticket", subject_id=ticket_id)


def close(s: Session, ticket_id: int, answer: str, now: datetime, by: Operator, mended_in: int | None = None) -> None:
    """Close a ticket with what was found: the calendar was mended in an edition, or was right (None).

    Raises NotAllowed, NotFound; Refused when it is closed already; Invalid for an edition that is not published, or not
    newer than the one that was reported.
    """
    ticket = _open(s, ticket_id, by)
    newest = editions.current(s)
    if mended_in is not None and (newest is None or not ticket.edition < mended_in <= newest.number):
        raise Invalid(
            _("Edition %(edition)s is not newer than the one that was reported.", edition=mended_in),
            hint=_("Publish the correction first."),
        )
    ticket.closed_at, ticket.closed_by, ticket.answer = now, by.id, visible(answer)[:LONGEST]
    ticket.mended_in = mended_in
    audit.note(s, now=now, by=by, action="answer", subject="collection ticket", subject_id=ticket_id)


def forget_old(s: Session, now: datetime) -> None:
    """Delete closed tickets after a year."""
    s.execute(delete(CollectionTicket).where(CollectionTicket.closed_at <= now - KEPT))


def _open(s: Session, ticket_id: int, by: Operator) -> CollectionTicket:
    operators.require(by, "serve")
    ticket = s.get(CollectionTicket, ticket_id, with_for_update=True)
    if ticket is None:
        raise NotFound(_("There is no ticket %(ticket)s.", ticket=ticket_id))
    if ticket.closed_at is not None:
        raise Refused(_("Ticket %(ticket)s is closed already.", ticket=ticket_id))
    return ticket


def _sources(s: Session, ticket: CollectionTicket) -> tuple[str, ...]:
    of_zone = select(CollectionSchedule.source).where(
        editions.has(CollectionSchedule, ticket.edition),
        CollectionSchedule.zone_id == ticket.zone_id,
        CollectionSchedule.stream == ticket.stream,
    )
    return tuple(sorted(set(s.scalars(of_zone))))
