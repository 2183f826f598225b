"""Nobody gets the same words twice: from an alert that was paused, and from its follow-up."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.models import Alert
from notify.models.states import AlertState


def require_not_paused(s: Session, follow_up: Alert) -> None:
    """Raise Refused while the alert that this one follows is paused: its messages that wait would be sent later.

    The incident is locked (`outdated.require_current`), so that it is not resumed meanwhile.
    """
    if follow_up.follows is None:
        return
    state = s.scalar(select(Alert.state).where(Alert.id == follow_up.follows))
    if state is AlertState.PAUSED:
        raise paused(follow_up.follows)


def paused(alert_id: int) -> Refused:
    return Refused(
        _("Alert %(alert)s is paused: whom it does not reach is not known.", alert=alert_id),
        hint=_("Resume it and wait until it is sent, or cancel it and write an update."),
    )


def require_not_taken_over(s: Session, alert: Alert) -> None:
    """Raise Refused to resume an alert with messages for somebody to whom its follow-up is sent as well."""
    if (follow_up := s.execute(text(_TAKEN_OVER), {"alert": alert.id}).scalar()) is not None:
        raise Refused(
            _(
                "Alert %(follow_up)s goes to people for whom messages of alert %(alert)s wait, with the same words.",
                follow_up=follow_up,
                alert=alert.id,
            ),
            hint=_("Cancel this one. If it has not reached everybody, write an update."),
        )


# A follow-up that is still finding its people may be sent to any of them.
_TAKEN_OVER = """
    SELECT f.id FROM alerts f
     WHERE f.follows = :alert AND f.launched_at IS NOT NULL
       AND (f.fanout_done_at IS NULL AND f.state IN ('sending', 'paused')
            OR EXISTS (SELECT FROM deliveries d JOIN contacts c ON c.id = d.contact_id
                         JOIN contacts k ON k.subscriber_id = c.subscriber_id
                         JOIN deliveries e ON e.contact_id = k.id AND e.alert_id = f.id
                        WHERE d.alert_id = :alert AND d.state IN ('queued', 'held')
                          AND e.state NOT IN ('skipped', 'failed', 'cancelled', 'expired')))
"""
