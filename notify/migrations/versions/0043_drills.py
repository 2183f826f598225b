"""Exercise mode of a session, and drills.

Revision ID: 0043
"""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE sessions ADD exercise_since timestamptz;
        CREATE TABLE drills (
            id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            scenario   text NOT NULL,
            label      text NOT NULL,
            event      text NOT NULL,
            area       bytea NOT NULL,
            started_by bigint NOT NULL REFERENCES operators,
            started_at timestamptz NOT NULL,
            ends_at    timestamptz NOT NULL CHECK (ends_at >= started_at),
            form       uuid NOT NULL UNIQUE  -- sent twice, it is one drill
        );
        CREATE INDEX drills_ends_at ON drills (ends_at);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
