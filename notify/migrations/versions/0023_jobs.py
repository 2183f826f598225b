"""The timed jobs' last runs, and the heartbeats of our processes.

Revision ID: 0023
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE jobs (
            name          text PRIMARY KEY,
            started_at    timestamptz,
            seconds       double precision,
            error         text NOT NULL DEFAULT '',
            succeeded_at  timestamptz,
            failing_since timestamptz,
            next_at       timestamptz NOT NULL,
            late_after    timestamptz NOT NULL
        );
        CREATE TABLE heartbeats (
            kind           text NOT NULL,
            host           text NOT NULL,
            pid            bigint NOT NULL,
            lanes          text[] NOT NULL DEFAULT '{}',
            at             timestamptz NOT NULL,
            unbroken_since timestamptz NOT NULL,
            PRIMARY KEY (kind, host, pid)
        );
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
