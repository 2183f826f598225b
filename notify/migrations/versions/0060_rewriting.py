"""A draft that waits for approval is written anew: another alert takes its place.

Revision ID: 0060
"""

from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE alerts ADD COLUMN rewrites bigint UNIQUE REFERENCES alerts (id);
        ALTER TABLE working_drafts ADD COLUMN rewrites bigint REFERENCES alerts (id);
        CREATE UNIQUE INDEX one_rewriting ON working_drafts (rewrites) WHERE alert_id IS NULL AND dropped_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
