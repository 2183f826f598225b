"""Sessions of the console as rows, so that signing out ends them; what a key may be used for.

Revision ID: 0017
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE sessions (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            token_hash  bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
            key_id      bigint NOT NULL REFERENCES api_keys,
            ticket_hash bytea UNIQUE CHECK (length(ticket_hash) = 32),  -- of the link that it began with: works once
            began_at    timestamptz NOT NULL,
            ends_at     timestamptz NOT NULL CHECK (ends_at > began_at),
            ended_at    timestamptz
        )
    """)
    op.execute("CREATE INDEX sessions_of_key ON sessions (key_id)")
    # NULL: all that the operator whom it acts for may do, or for a key without one, reading.
    op.execute("ALTER TABLE api_keys ADD scopes text[] CHECK (cardinality(scopes) > 0)")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
