"""Half-filled forms of authors.

Revision ID: 0035
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE working_drafts (
            id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
            event text NOT NULL,
            phase text NOT NULL,
            incident_id bigint REFERENCES incidents,
            fields jsonb NOT NULL DEFAULT '{}',
            version bigint NOT NULL DEFAULT 0,
            counted text NOT NULL DEFAULT '',
            created_by bigint NOT NULL REFERENCES operators,
            created_at timestamptz NOT NULL,
            updated_by bigint NOT NULL REFERENCES operators,
            updated_at timestamptz NOT NULL,
            dropped_at timestamptz,
            alert_id bigint UNIQUE REFERENCES alerts
        );
        CREATE INDEX working_drafts_open ON working_drafts (updated_at) WHERE alert_id IS NULL AND dropped_at IS NULL;
        CREATE TABLE working_draft_values (
            id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
            draft_id bigint NOT NULL REFERENCES working_drafts ON DELETE CASCADE,
            field text NOT NULL,
            value text NOT NULL,
            by bigint NOT NULL REFERENCES operators,
            at timestamptz NOT NULL,
            settled_at timestamptz
        );
        CREATE INDEX working_draft_values_of_draft ON working_draft_values (draft_id);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
