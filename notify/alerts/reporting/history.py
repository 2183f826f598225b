"""The history of an alert: what was done with it, by whom and when, from the audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from notify.models import Audit, Operator

HALTS = ("pause", "resume", "cancel", "expire")


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the history of an alert. `who` is None for Tocsin itself.

    `out`: messages that had left by then, for HALTS. `count`: the number of things that the step affected.
    `zone`: the name of the zone that was taken or released.
    """

    at: datetime
    action: str
    who: str | None
    out: int | None = None
    count: int | None = None
    zone: str | None = None


def last_step(s: Session, alert_id: int) -> int | None:
    """The number of the newest entry in the history of an alert: another one, whenever something was done with it."""
    return s.scalar(select(func.max(Audit.id)).where(Audit.subject == "alert", Audit.subject_id == alert_id))


def steps(s: Session, alert_id: int) -> list[Step]:
    """The history of an alert from the audit, in order."""
    rows = s.execute(
        select(Audit.at, Audit.action, Operator.email, Audit.detail)
        .outerjoin(Operator, Operator.id == Audit.operator_id)
        .where(Audit.subject == "alert", Audit.subject_id == alert_id)
        .order_by(Audit.id)
    ).all()
    halts = [at for at, action, *_ in rows if action in HALTS]
    out = _out_by(s, alert_id, halts) if halts else {}
    return [Step(at, action, who, out.get(at), detail.get("count")) for at, action, who, detail in rows]


def _out_by(s: Session, alert_id: int, moments: Sequence[datetime]) -> dict[datetime, int]:
    """The number of messages that had left at each of these moments, and could not be recalled."""
    rows = s.execute(
        text("""SELECT m.at, count(d.id) FROM unnest(CAST(:moments AS timestamptz[])) AS m (at)
                  LEFT JOIN deliveries d ON d.alert_id = :alert AND d.sent_at <= m.at GROUP BY m.at"""),
        {"moments": list(moments), "alert": alert_id},
    ).all()
    return {row[0]: row[1] for row in rows}
