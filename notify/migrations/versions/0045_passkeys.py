"""Passkeys of operators, and the challenges that they answer.

Revision ID: 0045
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE passkeys (
            id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            operator_id   bigint NOT NULL REFERENCES operators,
            credential_id bytea NOT NULL UNIQUE,
            public_key    bytea NOT NULL,
            sign_count    bigint NOT NULL CHECK (sign_count >= 0),  -- stays 0 for passkeys that are synchronised
            backed_up     boolean NOT NULL,
            name          text NOT NULL,
            made_at       timestamptz NOT NULL,
            used_at       timestamptz
        );
        CREATE INDEX passkeys_of_operator ON passkeys (operator_id);
        CREATE TABLE passkey_challenges (
            challenge_hash bytea PRIMARY KEY CHECK (length(challenge_hash) = 32),
            session_id     bigint NOT NULL,  -- that it was made for; 0: to sign in
            ends_at        timestamptz NOT NULL
        );
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
