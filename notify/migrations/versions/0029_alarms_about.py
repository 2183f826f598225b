"""An alarm for each job, provider or phone that there is trouble with, and not one for all.

Revision ID: 0029
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE alarms ADD COLUMN about text NOT NULL DEFAULT '';
        DROP INDEX alarms_that_ring;
        CREATE UNIQUE INDEX alarms_that_ring ON alarms (kind, sender_id, alert_id, about) NULLS NOT DISTINCT
            WHERE resolved_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
