"""Deliveries have an index less: nobody asks for those of a contact without saying of which alerts.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX deliveries_of_contact")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
