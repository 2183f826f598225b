"""A resident may want only emergencies on a phone or email: a lowest severity above the gravest.

Revision ID: 0081
"""

from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE contacts DROP CONSTRAINT contacts_lowest_severity_check,
            ADD CONSTRAINT contacts_lowest_severity_check CHECK (lowest_severity BETWEEN 1 AND 5) NOT VALID;
        ALTER TABLE contacts VALIDATE CONSTRAINT contacts_lowest_severity_check;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
