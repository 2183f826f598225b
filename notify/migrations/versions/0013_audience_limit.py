"""From how many contacts on an operator is to be warned.

Revision ID: 0013
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE operators ADD audience_limit integer CHECK (audience_limit >= 0)")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
