"""Nobody can choose a digest, so there is no column for it.

Revision ID: 0072
"""

from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE choices DROP COLUMN digest")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
