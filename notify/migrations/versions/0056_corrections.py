"""Whether an alert corrects the one before it, which residents read.

Revision ID: 0056
"""

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE working_drafts ADD COLUMN corrects boolean NOT NULL DEFAULT false;
        ALTER TABLE alerts ADD COLUMN corrects boolean NOT NULL DEFAULT false;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
