"""A follow-up that was never launched, and never can be, does not stand in the way of another one.

Revision ID: 0057
"""

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE alerts DROP CONSTRAINT alerts_follows_key;
        CREATE UNIQUE INDEX one_follow_up ON alerts (follows)
         WHERE launched_at IS NOT NULL OR state NOT IN ('cancelled', 'expired');
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
