"""Which secret key the database was written with.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE key_ring (
            id          smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
            fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
            next        bytea CHECK (length(next) = 32),  -- of the key that a rotation brings in
            older       bytea,                            -- what is left of earlier keys, sealed with the one in force
            since       timestamptz NOT NULL
        )
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
