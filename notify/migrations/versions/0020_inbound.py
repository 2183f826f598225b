"""What residents write may be a cry for help, or in doubt; and whether it was answered.

Revision ID: 0020
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE inbound
            DROP CONSTRAINT inbound_meaning_check,
            ADD CONSTRAINT inbound_meaning_check
                CHECK (meaning IN ('stop', 'start', 'help', 'distress', 'doubt', 'other')),
            ADD COLUMN answered boolean NOT NULL DEFAULT false;
        CREATE INDEX inbound_of_address ON inbound (address_index, received_at);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
