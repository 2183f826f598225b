"""A contact keeps when it was reported as dead after somebody answers there again, who may be another person.

Revision ID: 0064
"""

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE contacts ADD COLUMN dead_at timestamptz")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
