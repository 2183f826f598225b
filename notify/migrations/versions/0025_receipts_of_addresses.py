"""A receipt may be about an address, and about no delivery of ours.

Revision ID: 0025
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE receipts ALTER COLUMN delivery_id DROP NOT NULL")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
