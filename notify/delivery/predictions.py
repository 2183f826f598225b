"""Store what was forecast of an alert once its audience is known, and compare it with the result later."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import alarms, db
from notify.delivery.forecast import MOST, channel_plan
from notify.models import Alert


def store(s: Session, alert_id: int) -> None:
    """Store when the messages of an alert will have left, once its audience is resolved."""
    alert = s.get_one(Alert, alert_id)
    assert alert.launched_at is not None  # noqa: S101  only launched alerts are resolved
    rows = s.execute(
        text(
            "SELECT channel, language, sum(size) AS n FROM batches WHERE alert_id = :a AND held_until IS NULL"
            " GROUP BY channel, language"
        ),
        {"a": alert_id},
    ).all()
    for channel in {row.channel for row in rows}:
        languages = {row.language: int(row.n) for row in rows if row.channel == channel}
        planned = channel_plan(s, alert, channel, languages, alert.launched_at)
        s.execute(
            text("""INSERT INTO predictions (alert_id, channel, messages, p95_at, done_at)
                    VALUES (:alert, :channel, :messages, :p95, :done) ON CONFLICT DO NOTHING"""),
            {"alert": alert_id, "channel": channel, "messages": planned.messages, "p95": planned.p95_at,
             "done": planned.done_at},
        )  # fmt: skip


def measure(s: Session, now: datetime) -> None:
    """Store beside each prediction of a finished alert when the share `MOST` of its messages had left. Done once."""
    ended = s.scalars(
        text("""SELECT DISTINCT p.alert_id FROM predictions p JOIN alerts a ON a.id = p.alert_id
                 WHERE NOT p.measured AND a.state IN ('sent', 'cancelled', 'expired') ORDER BY p.alert_id""")
    ).all()

    def refused(alert: int, why: Exception) -> None:
        alarms.refused_row(f"measure the forecast of alert {alert}", why, now, alert_id=alert)

    db.in_halves(ended, lambda some: _measure(s, some), refused, s.begin_nested)


def _measure(s: Session, these: Sequence[int]) -> None:
    s.execute(
        text("""
            UPDATE predictions p SET measured = true, was_p95_at = (
                SELECT percentile_disc(:most) WITHIN GROUP (ORDER BY d.sent_at)
                  FROM deliveries d JOIN batches b ON b.id = d.batch_id
                 WHERE b.alert_id = p.alert_id AND b.channel = p.channel AND b.held_until IS NULL
                   AND d.sent_at IS NOT NULL)
             WHERE p.alert_id = ANY(:these) AND NOT p.measured"""),
        {"most": MOST, "these": list(these)},
    )
