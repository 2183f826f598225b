"""Where an alert is not true any more before another one speaks there, and when a notice is looked at again.

Revision ID: 0098
Revises: 0097
"""

from alembic import op

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE alerts ADD COLUMN withdrawn bytea")
    op.execute("ALTER TABLE collection_notices ADD COLUMN look_at timestamptz")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
