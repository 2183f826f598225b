"""The language in which an operator reads the console.

Revision ID: 0047
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE operators ADD COLUMN language text")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
