"""The approval of an alert that Tocsin composed: with it the alert goes out, at the time that its author chose."""

from datetime import datetime

from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.alerts.approving import two_people
from notify.core.settings import Settings
from notify.models import Alert, Operator


def approve(s: Session, alert_id: int, by: Operator, now: datetime, settings: Settings) -> Alert:
    """Approve a draft. A collection notice is launched or scheduled in the same act: its author has asked for that, and
    a third press would leave it lying. The caller rings the workers after the commit if it is sending.

    Raises as `lifecycle.approve` and, for a notice, as `lifecycle.launch`.
    """
    alert = lifecycle.approve(s, alert_id, by, now, settings)
    if alert.status == "Actual" and two_people.is_composed_notice(alert):
        return lifecycle.launch(s, alert_id, by, now)
    return alert
