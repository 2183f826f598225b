"""Who owns a zone.

Revision ID: 0051
"""

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE zones ADD COLUMN owner text NOT NULL DEFAULT ''")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
