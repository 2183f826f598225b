"""What programs ask for again, because they heard no answer.

Revision ID: 0032
"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE idempotency_keys (
            api_key_id bigint NOT NULL REFERENCES api_keys,
            key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
            body_hash bytea NOT NULL CHECK (length(body_hash) = 32),
            alert_id bigint REFERENCES alerts,
            at timestamptz NOT NULL,
            PRIMARY KEY (api_key_id, key_hash)
        );
        CREATE INDEX idempotency_keys_at ON idempotency_keys (at);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
