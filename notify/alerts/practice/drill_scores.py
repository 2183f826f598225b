"""What a drill shows of each operator: how soon the alert was drafted and approved, and how well its area fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts.words import linting
from notify.core.settings import settings
from notify.models import Alert, Drill, Operator
from zones.geometry import area_m2, from_wkb


@dataclass(frozen=True, slots=True)
class Score:
    """One author's alert in a drill. Seconds; those of the approval count from the draft.

    `findings`: of the linter on its words, errors and warnings. `area_error`: what is missing and what is too much, in
    percent of the area of the scenario.
    """

    alert_id: int
    author: str
    draft_s: int
    approver: str | None
    approve_s: int | None
    launched: bool
    findings: int
    area_error: float


def of_drills(s: Session, drills: Sequence[Drill]) -> list[tuple[Drill, list[Score]]]:
    """Drills with their scores, the quickest draft first. Of several alerts by one author the last one counts."""
    rows = s.execute(text(_LAST), {"drills": [one.id for one in drills]}).all()
    alerts = s.scalars(select(Alert).where(Alert.id.in_([row.id for row in rows]))).all()
    findings = linting.count(s, alerts, settings())
    rows = sorted(rows, key=lambda row: (row.created_at, row.id))
    return [
        (drill, [_score(drill, row, findings[row.id]) for row in rows if row.drill_id == drill.id]) for drill in drills
    ]


def _score(drill: Drill, row: Any, findings: int) -> Score:
    return Score(
        alert_id=row.id,
        author=row.author,
        draft_s=int((row.created_at - drill.started_at).total_seconds()),
        approver=row.approver,
        approve_s=int((row.approved_at - row.created_at).total_seconds()) if row.approved_at else None,
        launched=row.launched_at is not None,
        findings=findings,
        area_error=area_error(drill.area, row.area),
    )


def area_error(wanted_wkb: bytes, drawn_wkb: bytes | None) -> float:
    """The symmetric difference of two areas in percent of the first one, which is 100 for no area at all."""
    wanted = from_wkb(bytes(wanted_wkb))
    if drawn_wkb is None:
        return 100.0
    apart = wanted.symmetric_difference(from_wkb(bytes(drawn_wkb)))
    return 0.0 if apart.is_empty else round(100 * area_m2(apart) / area_m2(wanted), 1)


def not_drilled(s: Session, now: datetime) -> Sequence[Operator]:
    """Who has neither drafted nor approved an alert of a drill in this month of the city's calendar."""
    local = now.astimezone(settings().tz)
    month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    done = s.scalars(text(_DRILLED), {"month": month}).all()
    should = Operator.role.in_(operators.MAY["draft"])
    asked = select(Operator).where(should, Operator.disabled_at.is_(None), Operator.id.not_in(done))
    return s.scalars(asked.order_by(Operator.email)).all()


_OF_DRILL = """
    FROM drills d JOIN alerts a ON a.status = 'Exercise' AND a.event = d.event AND a.phase = 'issue'
     AND a.created_at >= d.started_at AND a.created_at < d.ends_at
"""
_LAST = f"""
    SELECT DISTINCT ON (d.id, a.created_by) d.id AS drill_id, a.id, a.created_at, a.approved_at, a.launched_at, a.area,
           author.email AS author, approver.email AS approver
    {_OF_DRILL} JOIN operators author ON author.id = a.created_by
      LEFT JOIN operators approver ON approver.id = a.approved_by
     WHERE d.id = ANY(:drills) ORDER BY d.id, a.created_by, a.id DESC
"""
_DRILLED = f"""
    SELECT p.id {_OF_DRILL} CROSS JOIN LATERAL (VALUES (a.created_by), (a.approved_by)) AS p (id)
     WHERE d.started_at >= :month AND p.id IS NOT NULL GROUP BY p.id
"""
