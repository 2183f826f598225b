"""Standings say where an alert is not true any more and nothing is said yet.

Revision ID: 0099
Revises: 0098
"""

from alembic import op

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE standings ADD COLUMN unsaid boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
