"""Who is asked to approve an alert, and a launch by one person with its review, for the alert's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts.approving import approval_asks, break_glass, two_people
from notify.alerts.approving.approval_asks import Waiting
from notify.alerts.approving.break_glass import Broken
from notify.alerts.words import linting
from notify.core.settings import settings
from notify.models import Alert, Operator
from notify.models.states import AlertState


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked to approve an alert, and its launch by one person, if there was one: the same for every reader."""

    waiting: Waiting | None
    broken: Broken | None
    overridden: Sequence[linting.Checked]  # errors in its words that the launch by one person has passed


@dataclass(frozen=True, slots=True)
class Approval:
    """What `approval.html` shows, and the forms that it offers to one operator."""

    waiting: Waiting | None
    may_ask: bool
    may_break: bool
    broken: Broken | None
    may_review: bool
    overridden: Sequence[linting.Checked]  # errors in the words, with which somebody launched it alone


def read(s: Session, alert: Alert, now: datetime) -> Asked:
    broken = break_glass.of(s, alert.id)
    overridden = linting.overridden(s, alert, settings()) if broken else ()
    return Asked(approval_asks.waiting(s, alert, now, settings()), broken, overridden)


def offered(asked: Asked, alert: Alert, by: Operator | None, now: datetime) -> Approval:
    """Return what one operator is offered. The domain checks again what they may do."""
    waiting, broken = asked.waiting, asked.broken
    open_draft = alert.state is AlertState.DRAFT and alert.expires_at > now and alert.area is not None
    now_or_never = alert.launch_at is None or alert.launch_at <= now
    return Approval(
        waiting,
        may_ask=open_draft and waiting is None and by is not None and operators.may(by, "draft"),
        may_break=open_draft
        and two_people.is_grave(alert)
        and alert.status == "Actual"
        and now_or_never
        and by is not None
        and by.id == alert.created_by
        and operators.may(by, "break-glass"),
        broken=broken,
        may_review=broken is not None
        and broken.row.reviewed_at is None
        and by is not None
        and by.id != broken.by.id
        and operators.may(by, "approve"),
        overridden=asked.overridden,
    )
