"""Requests to warn: who asked, for what, where and when, read back, and answered by an alert or declined."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit, translation
from notify.core.characters import visible
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.models import Alert, Incident, Operator, WarnRequest, WorkingDraft
from notify.models.incident import Source

SOURCES: tuple[str, ...] = get_args(Source)
LONGEST = {"asked_by": 120, "danger": 1000, "place": 500, "declined": 500}
CALLED = {
    "asked_by": gettext_noop("Who asks"),
    "danger": gettext_noop("What the danger is"),
    "place": gettext_noop("Where"),
    "declined": gettext_noop("The reason"),
}
LONGEST_CLOCK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is written down of a request. `decide_within`: the clock; None: without one."""

    asked_by: str
    source: str
    danger: str
    place: str
    decide_within: timedelta | None
    incident: int | None
    form: UUID


@dataclass(frozen=True, slots=True)
class Record:
    """A request as a report tells it. `taken_by` and the like: emails of operators."""

    id: int
    asked_by: str
    source: str
    danger: str
    place: str
    received_at: datetime
    taken_by: str
    decide_by: datetime | None
    read_back_at: datetime | None
    read_back_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    alert: int | None
    declined: str

    @property
    def was_late(self) -> bool:
        """Whether it was closed only after the time by which it had to be decided."""
        return bool(self.decide_by and self.closed_at and self.closed_at > self.decide_by)


def take(s: Session, asked: Asked, by: Operator, now: datetime) -> WarnRequest:
    """Write a request down. A form that is sent twice makes one. Raises Invalid, NotFound or NotAllowed."""
    operators.require(by, "note")
    if asked.source not in SOURCES:
        raise Invalid(
            _("There is no source %(source)s.", source=repr(asked.source)),
            hint=_("Sources are: %(sources)s.", sources=", ".join(SOURCES)),
        )
    if asked.decide_within is not None and not timedelta() < asked.decide_within <= LONGEST_CLOCK:
        raise Invalid(_("The time to decide is not valid."), hint=_("Give a time of at most a day."))
    if asked.incident is not None and s.get(Incident, asked.incident) is None:
        raise NotFound(_("There is no incident %(incident)s.", incident=asked.incident))
    written = {name: _words(name, getattr(asked, name)) for name in ("asked_by", "danger", "place")}
    made = s.scalar(
        insert(WarnRequest)
        .values(
            **written,
            source=asked.source,
            incident_id=asked.incident,
            received_at=now,
            decide_by=now + asked.decide_within if asked.decide_within else None,
            taken_by=by.id,
            form=asked.form,
        )
        .on_conflict_do_nothing(index_elements=["form"])
        .returning(WarnRequest.id)
    )
    if made is not None:
        audit.note(s, now=now, by=by, action="take", subject="warn_request", subject_id=made)
    return s.scalars(select(WarnRequest).where(WarnRequest.form == asked.form)).one()


def read_back(s: Session, request_id: int, by: Operator, now: datetime) -> None:
    """Record that what was written was read back to whoever asked, and was right. Raises NotFound or Refused."""
    operators.require(by, "note")
    _change(
        s,
        request_id,
        gettext_noop("read back"),
        WarnRequest.read_back_at.is_(None),
        read_back_at=now,
        read_back_by=by.id,
    )
    audit.note(s, now=now, by=by, action="read-back", subject="warn_request", subject_id=request_id)


def answer(s: Session, request_id: int, alert_id: int, by: Operator, now: datetime) -> None:
    """Close a request with the alert that answers it. Raises NotFound; Refused when it is closed already."""
    operators.require(by, "draft")
    if s.scalar(select(Alert.id).where(Alert.id == alert_id)) is None:
        raise NotFound(
            _("There is no alert %(alert)s.", alert=alert_id),
            hint=_("Give the number of the alert that answers the request."),
        )
    _change(s, request_id, gettext_noop("closed"), alert_id=alert_id, closed_at=now, closed_by=by.id)
    audit.note(s, now=now, by=by, action="answer", subject="warn_request", subject_id=request_id, alert=alert_id)


def answer_at_launch(s: Session, alert: Alert, by: Operator | None, now: datetime) -> None:
    """Close the request that a launched alert was written for, unless somebody has closed it, or the alert is practice.

    `by`: None for a scheduled alert, which its approver wanted to be sent.
    """
    if alert.status != "Actual":
        return
    written_for = select(WorkingDraft.request_id).where(WorkingDraft.alert_id == alert.id)
    closed = s.scalar(
        update(WarnRequest)
        .where(WarnRequest.id == written_for.scalar_subquery(), WarnRequest.closed_at.is_(None))
        .values(alert_id=alert.id, closed_at=now, closed_by=by.id if by else alert.approved_by)
        .returning(WarnRequest.id)
        .execution_options(synchronize_session=False)
    )
    if closed is not None:
        audit.note(s, now=now, by=by, action="answer", subject="warn_request", subject_id=closed, alert=alert.id)


def decline(s: Session, request_id: int, why: str, by: Operator, now: datetime) -> None:
    """Close a request without an alert, with the reason. Raises Invalid, NotFound; Refused when it is closed."""
    operators.require(by, "draft")
    _change(s, request_id, gettext_noop("closed"), declined=_words("declined", why), closed_at=now, closed_by=by.id)
    audit.note(s, now=now, by=by, action="decline", subject="warn_request", subject_id=request_id)


def find(s: Session, request_id: int) -> WarnRequest:
    found = s.get(WarnRequest, request_id)
    if found is None:
        raise NotFound(_("There is no request %(request)s.", request=request_id))
    return found


def open_ones(s: Session) -> Sequence[WarnRequest]:
    """The requests that nobody has answered, the oldest first."""
    return s.scalars(select(WarnRequest).where(WarnRequest.closed_at.is_(None)).order_by(WarnRequest.received_at)).all()


def closed_ones(s: Session, most: int = 50) -> Sequence[WarnRequest]:
    """The requests that were answered or declined, the newest first."""
    closed = select(WarnRequest).where(WarnRequest.closed_at.is_not(None))
    return s.scalars(closed.order_by(WarnRequest.id.desc()).limit(most)).all()


def records(s: Session, alerts: Collection[int], incident: int | None = None) -> tuple[Record, ...]:
    """Return the requests that one of these alerts answered, and those of an incident, the oldest first."""
    rows = s.execute(text(_RECORDS), {"alerts": list(alerts), "incident": incident})
    return tuple(Record(**row._mapping) for row in rows)


_RECORDS = """
    SELECT r.id, r.asked_by, r.source, r.danger, r.place, r.received_at, t.email AS taken_by, r.decide_by,
           r.read_back_at, b.email AS read_back_by, r.closed_at, c.email AS closed_by, r.alert_id AS alert, r.declined
      FROM warn_requests r JOIN operators t ON t.id = r.taken_by
      LEFT JOIN operators b ON b.id = r.read_back_by LEFT JOIN operators c ON c.id = r.closed_by
     WHERE r.alert_id = ANY(:alerts) OR r.incident_id = :incident ORDER BY r.id
"""


def _change(s: Session, request_id: int, done: str, *conditions: object, **values: object) -> None:
    """Change an open request, unless somebody else was quicker."""
    changed = s.scalar(
        update(WarnRequest)
        .where(WarnRequest.id == request_id, WarnRequest.closed_at.is_(None), *conditions)  # type: ignore[arg-type]
        .values(**values)
        .returning(WarnRequest.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        find(s, request_id)
        raise Refused(
            _("Request %(request)s is already %(done)s, or closed.", request=request_id, done=_(done)),
            hint=_("The page shows what was done."),
        )


def _words(name: str, given: str) -> str:
    words = visible(given.replace("\r\n", "\n"))
    if not words:
        raise Invalid(
            _("%(called)s is missing.", called=_(CALLED[name])), hint=_("Write it down, then send the form again.")
        )
    if len(words) > LONGEST[name]:
        raise Invalid(
            _("%(called)s has %(count)s characters.", called=_(CALLED[name]), count=translation.number(len(words))),
            hint=_("The most is %(longest)s.", longest=translation.number(LONGEST[name])),
        )
    return words
