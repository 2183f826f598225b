"""Operators sign in with a password and a one-time code; sessions are rows of an operator, no longer of a key.

Revision ID: 0038
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE credentials (
            id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            operator_id   bigint NOT NULL UNIQUE REFERENCES operators,
            password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
            password_at   timestamptz NOT NULL,
            secret_sealed bytea NOT NULL,  -- of the authenticator app (RFC 6238)
            secret_at     timestamptz NOT NULL,
            last_step     bigint NOT NULL  -- of the last code that was accepted: no code works twice
        );
        CREATE TABLE recovery_codes (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            operator_id bigint NOT NULL REFERENCES operators,
            code_hash   bytea NOT NULL UNIQUE CHECK (length(code_hash) = 32),
            made_at     timestamptz NOT NULL,
            used_at     timestamptz
        );
        CREATE INDEX recovery_codes_of_operator ON recovery_codes (operator_id);
        CREATE TABLE sign_in_links (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            token_hash  bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
            operator_id bigint NOT NULL REFERENCES operators,
            purpose     text NOT NULL CHECK (purpose IN ('join', 'training')),
            made_at     timestamptz NOT NULL,
            ends_at     timestamptz NOT NULL CHECK (ends_at > made_at),
            used_at     timestamptz
        );
        CREATE INDEX sign_in_links_of_operator ON sign_in_links (operator_id);
        CREATE TABLE known_devices (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            token_hash  bytea NOT NULL CHECK (length(token_hash) = 32),
            operator_id bigint NOT NULL REFERENCES operators,
            seen_at     timestamptz NOT NULL,
            UNIQUE (token_hash, operator_id)
        );
        CREATE INDEX known_devices_of_operator ON known_devices (operator_id);
        CREATE TABLE sign_in_tries (
            kind  text NOT NULL,
            who   bytea NOT NULL CHECK (length(who) = 32),
            level double precision NOT NULL CHECK (level >= 0),
            at    timestamptz NOT NULL,
            PRIMARY KEY (kind, who)
        );
        -- A session that a key began has no operator who proved who they are: everybody signs in once again.
        DELETE FROM sessions;
        ALTER TABLE sessions DROP COLUMN key_id, DROP COLUMN ticket_hash,
            ADD operator_id bigint NOT NULL REFERENCES operators,
            ADD device      text NOT NULL,
            ADD how         text NOT NULL CHECK (how IN ('password', 'passkey', 'training')),
            ADD seen_at     timestamptz NOT NULL,
            ADD proven_at   timestamptz NOT NULL;
        CREATE INDEX sessions_of_operator ON sessions (operator_id);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
