"""A code that erases its resident is told from one that signs in by a column of its own.

Revision ID: 0075
"""

from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE joinings ADD COLUMN erases boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
