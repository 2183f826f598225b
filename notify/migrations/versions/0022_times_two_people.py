"""A launch before the end, as part of the approval; two people by more than the lane.

Revision ID: 0022
"""

import hashlib
import json
from typing import Any

from alembic import op
from sqlalchemy import Connection, text

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

FROZEN = [
    "incident_id",
    "event",
    "phase",
    "topic",
    "lane",
    "msg_type",
    "status",
    "category",
    "severity",
    "urgency",
    "certainty",
    "channels",
    "blanks",
    "area",
    "area_hash",
    "area_description",
    "launch_at",
    "expires_at",
    "two_people",
    "created_by",
    "created_at",
    "approved_by",
    "approved_at",
    "approved_hash",
    "launched_at",
]


def upgrade() -> None:
    _end_what_could_never_launch()
    op.execute("""
        ALTER TABLE alerts ADD COLUMN two_people text[] NOT NULL DEFAULT '{}';
        UPDATE alerts SET two_people = '{emergency}' WHERE lane = 'emergency';
        ALTER TABLE alerts
            ADD CONSTRAINT launch_before_end
                CHECK (launch_at IS NULL OR launch_at < expires_at OR state IN ('cancelled', 'expired')),
            ADD CONSTRAINT emergency_by_two CHECK (lane <> 'emergency' OR 'emergency' = ANY (two_people)),
            ADD CONSTRAINT approved_by_another
                CHECK (cardinality(two_people) = 0 OR approved_by IS DISTINCT FROM created_by);
    """)
    _add_the_launch_to_the_hash(op.get_bind())
    old, new = (", ".join(f"{row}.{column}" for column in FROZEN) for row in ("OLD", "NEW"))
    op.execute(f"""
        DROP TRIGGER alerts_frozen_after_launch ON alerts;
        CREATE TRIGGER alerts_frozen_after_launch BEFORE UPDATE ON alerts FOR EACH ROW
            WHEN (OLD.launched_at IS NOT NULL AND ({old}) IS DISTINCT FROM ({new}))
            EXECUTE FUNCTION refuse_change_after_launch();
    """)


def _end_what_could_never_launch() -> None:
    """Their end comes before their launch. Nobody has been told of that so far."""
    op.execute("""
        WITH dead AS (
            UPDATE alerts SET state = 'expired', finished_at = now()
             WHERE state IN ('draft', 'approved', 'scheduled') AND launch_at >= expires_at RETURNING id
        ), noted AS (
            INSERT INTO audit (at, action, subject, subject_id, detail)
            SELECT now(), 'expire', 'alert', id, '{"state": "expired"}' FROM dead
        )
        INSERT INTO alarms (kind, alert_id, message, since, last_seen)
        SELECT 'alert-unsent', id, format('Alert %s could never be sent: its end comes before its launch.', id),
               now(), now() FROM dead;
    """)


def _add_the_launch_to_the_hash(connection: Connection) -> None:
    """Alerts that are approved and not launched keep their approval, if they are what was approved."""
    waiting = connection.execute(
        text("""SELECT id, area_hash, status, topic::text AS topic, lane::text AS lane, channels, launch_at, expires_at,
                       approved_hash FROM alerts WHERE state IN ('approved', 'scheduled')""")
    ).all()
    for alert in waiting:
        words = connection.execute(
            text("""SELECT channel, language, subject, text, html FROM contents WHERE alert_id = :id
                     ORDER BY channel, language"""),
            {"id": alert.id},
        ).all()
        before = [alert.area_hash, alert.status, alert.topic, alert.lane, sorted(alert.channels)]
        after = [alert.expires_at.isoformat(), [list(row) for row in words]]
        if _hash([*before, *after]) == alert.approved_hash:
            launch_at = alert.launch_at.isoformat() if alert.launch_at else None
            connection.execute(
                text("UPDATE alerts SET approved_hash = :hash WHERE id = :id"),
                {"id": alert.id, "hash": _hash([*before, launch_at, *after])},
            )


def _hash(approved: list[Any]) -> str:
    return hashlib.sha256(json.dumps(approved, ensure_ascii=False).encode()).hexdigest()


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
