"""When residents last took away a topic or a place: an older list does not bring it back.

Revision ID: 0077
"""

from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE subscribers ADD COLUMN chosen_at timestamptz")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
