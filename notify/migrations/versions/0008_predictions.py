"""When an alert's messages were expected to have left, and when they had.

Revision ID: 0008
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE predictions (
            alert_id   bigint NOT NULL REFERENCES alerts,
            channel    text NOT NULL,
            messages   integer NOT NULL CHECK (messages >= 0),
            p95_at     timestamptz,  -- when 95 % of them were to have left; null: never
            done_at    timestamptz,
            measured   boolean NOT NULL DEFAULT false,
            was_p95_at timestamptz,
            PRIMARY KEY (alert_id, channel)
        );
        CREATE INDEX predictions_to_measure ON predictions (alert_id) WHERE NOT measured;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
