"""An alert that follows another one reaches those whom the first one did not.

Revision ID: 0041
"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE alerts ADD COLUMN follows bigint UNIQUE REFERENCES alerts")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
