"""Why an address that was looked up was refused.

Revision ID: 0074
"""

from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE place_checks
            ADD COLUMN why text,
            ADD CHECK ((why IS NOT NULL) = (decision IS NOT DISTINCT FROM 'refused'));
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
