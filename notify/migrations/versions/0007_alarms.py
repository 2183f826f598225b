"""Whose fault a receipt says it is; alarms; when a sender was opened again.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE receipts
            ADD COLUMN blame text NOT NULL DEFAULT '' CHECK (blame IN ('', 'recipient', 'provider', 'us', 'filter'));
        -- A repeated opt-out is no second one: the resident may have come back in between.
        CREATE INDEX receipts_that_suppress ON receipts (event_key) WHERE suppress <> '' AND event_key <> '';
        -- What was claimed before says nothing about the sender as it is now. Null: never opened again.
        ALTER TABLE senders ADD COLUMN opened_at timestamptz;
        CREATE TABLE alarms (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind        text NOT NULL CHECK (kind ~ '^[a-z]+(-[a-z]+)*$'),
            sender_id   bigint REFERENCES senders,
            alert_id    bigint REFERENCES alerts,
            message     text NOT NULL CHECK (message <> ''),
            since       timestamptz NOT NULL,
            last_seen   timestamptz NOT NULL,
            count       integer NOT NULL DEFAULT 1 CHECK (count > 0),
            resolved_at timestamptz,
            resolved_by bigint REFERENCES operators,  -- null: Tocsin itself
            CHECK (last_seen >= since),
            CHECK (resolved_at IS NOT NULL OR resolved_by IS NULL)
        );
        CREATE UNIQUE INDEX alarms_that_ring ON alarms (kind, sender_id, alert_id) NULLS NOT DISTINCT
            WHERE resolved_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
