"""Change a draft alert that waits for approval.

An alert is never edited: the form that it was made from is opened anew, and the alert that is made of that replaces the
first (`working_drafts.make`).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from notify.alerts.reporting import reports
from notify.alerts.writing.working_drafts import kept, require_author, values_of
from notify.core import audit, states
from notify.core.errors import NotFound, Refused
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.models import Alert, Operator, WorkingDraft
from notify.models.states import AlertState


@dataclass(frozen=True, slots=True)
class Rewriting:
    """`has_form`: the form of a draft alert is kept, so that it can be changed. `draft`: the working draft in which
    this is being done, last saved by `email`."""

    has_form: bool = False
    draft: int | None = None
    email: str = ""


def of(s: Session, alert: Alert) -> Rewriting:
    if alert.state is not AlertState.DRAFT:
        return Rewriting()
    has_form = s.scalar(select(WorkingDraft.id).where(WorkingDraft.alert_id == alert.id)) is not None
    row = s.execute(
        select(WorkingDraft.id, Operator.email)
        .join(Operator, Operator.id == WorkingDraft.updated_by)
        .where(*_changing(alert.id))
    ).first()
    return Rewriting(has_form, *(row or ()))


def open_form(s: Session, alert_id: int, by: Operator, now: datetime) -> WorkingDraft:
    """Open a working draft with all that the form of a draft alert held; the one that is open already, if there is one.

    Raises NotAllowed, Refused when the alert is not a draft any more, or NotFound when its form is not kept.
    """
    alert = reports.find_alert(s, alert_id, lock=True)
    require_author(alert.event, by)
    if alert.state is not AlertState.DRAFT:
        raise Refused(
            _("Alert %(alert)s is %(state)s: it cannot be changed.", alert=alert_id, state=word(alert.state)),
            hint=states.what_now(alert.state),
        )
    if there := s.scalar(select(WorkingDraft).where(*_changing(alert_id))):
        return there
    first = s.scalar(select(WorkingDraft).where(WorkingDraft.alert_id == alert_id))
    if first is None:
        raise NotFound(
            _("The form that alert %(alert)s was made from is not kept.", alert=alert_id),
            hint=_("Cancel the alert, and write it again."),
        )
    draft = WorkingDraft(
        event=first.event,
        phase=first.phase,
        incident_id=first.incident_id,
        request_id=first.request_id,
        corrects=first.corrects,
        rewrites=alert_id,
        fields={name: kept(value, 1, by, now, "") for name, value in values_of(first).items()},
        version=1,
        created_by=by.id,
        created_at=now,
        updated_by=by.id,
        updated_at=now,
    )
    s.add(draft)
    s.flush()
    audit.note(
        s,
        now=now,
        by=by,
        action="start",
        subject="working_draft",
        subject_id=draft.id,
        event=draft.event,
        rewrites=alert_id,
    )
    return draft


def _changing(alert_id: int) -> tuple[ColumnElement[bool], ...]:
    """The working draft that is to replace an alert, while it is open."""
    return WorkingDraft.rewrites == alert_id, WorkingDraft.alert_id.is_(None), WorkingDraft.dropped_at.is_(None)
