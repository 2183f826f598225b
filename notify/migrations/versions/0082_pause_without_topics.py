"""A resident without a topic keeps their pause: the next topic that they choose has it.

Revision ID: 0082
"""

from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE choices ADD COLUMN muted_until timestamptz")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
