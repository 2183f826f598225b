"""Find the newest alerts about an event.

Revision ID: 0044
"""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX alerts_of_event ON alerts (event, created_at)")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
