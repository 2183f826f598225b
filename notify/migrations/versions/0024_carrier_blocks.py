"""Carriers keep pairs of a sender and a phone apart, and not a phone from all of our senders.

Revision ID: 0024
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE carrier_blocks (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            sender_id bigint NOT NULL REFERENCES senders,
            address_index bytea NOT NULL CHECK (length(address_index) = 32),
            at timestamptz NOT NULL,
            lifted_at timestamptz,
            UNIQUE (sender_id, address_index)
        );
        CREATE INDEX carrier_blocks_in_force ON carrier_blocks (sender_id) WHERE lifted_at IS NULL;
        ALTER TABLE receipts
            DROP CONSTRAINT receipts_suppress_check,
            ADD CONSTRAINT receipts_suppress_check
                CHECK (suppress IN ('', 'opt-out', 'hard-bounce', 'complaint', 'invalid', 'carrier-block'));
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
