"""What the carrier refused after the provider had taken it, so that another sender may try.

Revision ID: 0031
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE carrier_refusals (
            delivery_id bigint NOT NULL,
            reference text NOT NULL CHECK (reference <> ''),
            code text NOT NULL,
            told_at timestamptz NOT NULL,
            settled_at timestamptz,
            PRIMARY KEY (delivery_id, reference)
        );
        CREATE INDEX carrier_refusals_open ON carrier_refusals (delivery_id) WHERE settled_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
