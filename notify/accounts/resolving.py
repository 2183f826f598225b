"""Resolve an alarm, for operators who may. `notify.core.alarms` keeps the alarms and knows no roles."""

from datetime import datetime

from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import alarms
from notify.models import Alarm, Operator


def resolve(s: Session, alarm_id: int, now: datetime, by: Operator | None) -> Alarm:
    """Mark an alarm as looked at. Raises NotAllowed, NotFound; Refused when it is already resolved."""
    operators.require_by(by, "resolve")
    return alarms.mark_resolved(s, alarm_id, now, by)
