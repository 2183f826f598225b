"""The allowed transitions of alerts and deliveries, defined here only (law 11). Every move of an alert is audited."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from notify.core import audit
from notify.core.errors import NotFound, Refused
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.core.vocabulary import word
from notify.models import Alert, Operator
from notify.models.states import AlertState, DeliveryState

log = structlog.get_logger()

A, D = AlertState, DeliveryState

ALERT: Mapping[AlertState, frozenset[AlertState]] = {
    A.DRAFT: frozenset({A.APPROVED, A.CANCELLED, A.EXPIRED}),
    A.APPROVED: frozenset({A.SCHEDULED, A.SENDING, A.CANCELLED, A.EXPIRED}),
    # back to approved after a backup was restored: it may have been launched or cancelled since
    A.SCHEDULED: frozenset({A.APPROVED, A.SENDING, A.CANCELLED, A.EXPIRED}),
    A.SENDING: frozenset({A.PAUSED, A.SENT, A.CANCELLED, A.EXPIRED}),
    A.PAUSED: frozenset({A.SENDING, A.CANCELLED, A.EXPIRED}),
    A.SENT: frozenset(),
    A.CANCELLED: frozenset(),
    A.EXPIRED: frozenset(),
}

DELIVERY: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    D.QUEUED: frozenset({D.SENDING, D.HELD, D.SKIPPED, D.CANCELLED, D.EXPIRED}),
    D.HELD: frozenset({D.QUEUED, D.SKIPPED, D.CANCELLED, D.EXPIRED}),
    # back to queued only when the provider certainly did not accept it (a 429, a refused connection, a missed slot)
    D.SENDING: frozenset({D.ACCEPTED, D.FAILED, D.UNKNOWN, D.QUEUED, D.DELIVERED, D.UNDELIVERED}),
    D.UNKNOWN: frozenset({D.ACCEPTED, D.QUEUED, D.FAILED, D.DELIVERED, D.UNDELIVERED}),
    D.ACCEPTED: frozenset({D.DELIVERED, D.UNDELIVERED, D.FAILED}),
    # the provider decides which of the two is final (`registry.Provider.may_return`)
    D.DELIVERED: frozenset({D.UNDELIVERED}),
    D.UNDELIVERED: frozenset({D.DELIVERED}),
    D.FAILED: frozenset({D.UNDELIVERED, D.DELIVERED}),  # undelivered: it got further than we knew
    D.SKIPPED: frozenset(),
    D.CANCELLED: frozenset(),
    D.EXPIRED: frozenset(),
}

# Deliveries that were tried, and then held back or closed because they seemed not to be out. When the provider proves
# otherwise, its word decides their state, or they would be sent twice.
HELD_BACK = frozenset({D.QUEUED, D.HELD, D.SKIPPED, D.CANCELLED, D.EXPIRED})

# Deliveries that the provider accepted and the carrier refused for their sender only (21610). This is certain and
# final, so another sender may try: only `carrier_blocks.settle_refusals` puts them back to queued.
PASSED_ON = frozenset({D.ACCEPTED, D.UNKNOWN})

# Deliveries that were left out of an audience for a reason that ended when their resident joined: only
# `delivery.latecomers` queues them.
LEFT_OUT = frozenset({D.SKIPPED})

# Deliveries whose words went out in the message of another one, which decides their state: only `delivery.digests`
# moves them, and back to held if it turns out that it did not leave.
CARRIED = frozenset({D.HELD, D.CANCELLED, D.EXPIRED, D.ACCEPTED, D.DELIVERED, D.UNDELIVERED, D.FAILED})

# Deliveries that may have gone out since the restored backup was made: only `restoring` makes them unknown.
PERHAPS_OUT = frozenset({D.QUEUED, D.HELD, D.SENDING, D.UNKNOWN})

# Deliveries that need nothing more from us.
SETTLED = frozenset({D.ACCEPTED, D.DELIVERED, D.UNDELIVERED, D.FAILED, D.SKIPPED, D.CANCELLED, D.EXPIRED})
BEFORE_LAUNCH = frozenset({A.DRAFT, A.APPROVED, A.SCHEDULED})
LEAVING = frozenset({A.SENDING, A.SENT})  # messages may leave: after `sent`, to who joined later
IN_FORCE = frozenset({A.SENDING, A.PAUSED, A.SENT})  # until they expire: residents go by them
FINISHED = frozenset(state for state, after in ALERT.items() if not after)


def alert_before(to: AlertState) -> list[AlertState]:
    """The states from which an alert may move to `to`."""
    return [state for state, after in ALERT.items() if to in after]


def delivery_before(to: DeliveryState) -> list[str]:
    """The states from which a delivery may move to `to`, for the WHERE of a set-based UPDATE."""
    return [state.value for state, after in DELIVERY.items() if to in after]


def move_alert(
    s: Session,
    alert_id: int,
    to: AlertState,
    *,
    now: datetime,
    by: Operator | None,
    action: str,
    detail: Mapping[str, Any] = MappingProxyType({}),
    **columns: Any,
) -> None:
    """Move an alert, with its audit row, in one conditional UPDATE. `columns` are set along with the state.

    `detail`: more for the audit.

    Raises Refused when its current state forbids the move (also when somebody else was quicker), NotFound when there
    is no such alert.
    """
    moved = s.execute(
        update(Alert)
        .where(Alert.id == alert_id, Alert.state.in_(alert_before(to)))
        .values(state=to, **columns)
        .execution_options(synchronize_session=False)
        .returning(Alert.id)
    ).first()
    if moved is None:
        state = s.scalar(select(Alert.state).where(Alert.id == alert_id))
        if state is None:
            raise NotFound(
                _("There is no alert %(alert)s.", alert=alert_id),
                hint="`tocsin alert list` shows the newest alerts.",
            )
        raise Refused(
            _(
                "Alert %(alert)s is %(state)s: it cannot become %(to)s.",
                alert=alert_id,
                state=word(state),
                to=word(to),
            ),
            hint=what_now(state),
        )
    audit.note(s, now=now, by=by, action=action, subject="alert", subject_id=alert_id, state=to.value, **detail)
    log.info(f"alert.{action}", alert=alert_id, state=to.value, operator=by.id if by else None)


def what_now(state: AlertState) -> str:
    """Return what somebody can do about an alert in this state."""
    return _(_WHAT_NOW[state]) if state in _WHAT_NOW else ""


_WHAT_NOW = {
    A.DRAFT: gettext_noop("Have it approved first."),
    A.SENDING: gettext_noop("It is going out now; pause or cancel it to stop it."),
    A.PAUSED: gettext_noop("Resume or cancel it."),
    A.SENT: gettext_noop("Send an update or an all-clear in the same incident."),
    A.CANCELLED: gettext_noop("Write a new alert."),
    A.EXPIRED: gettext_noop("Write a new alert with a later expiry."),
}
