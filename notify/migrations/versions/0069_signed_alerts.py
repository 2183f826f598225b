"""The keys that sign what the city sent, each alert's signed statement, and an index for the archive of alerts.

Revision ID: 0069
"""

from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # There is no foreign key to the alert: to check one, PostgreSQL locks it, and signing would wait for a launch.
    op.execute("""
        CREATE TABLE signing_keys (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kid text NOT NULL UNIQUE,
            public bytea NOT NULL CHECK (octet_length(public) = 32),
            secret_sealed bytea NOT NULL,
            made_at timestamptz NOT NULL,
            retired_at timestamptz,
            revoked_at timestamptz,
            CHECK (revoked_at IS NULL OR retired_at IS NOT NULL)
        );
        CREATE UNIQUE INDEX one_signing_key ON signing_keys ((true)) WHERE retired_at IS NULL;
        CREATE TABLE statements (
            alert_id bigint PRIMARY KEY,
            key_id bigint NOT NULL REFERENCES signing_keys,
            body text NOT NULL,
            signature bytea NOT NULL CHECK (octet_length(signature) = 64),
            signed_at timestamptz NOT NULL
        );
        CREATE INDEX statements_signed ON statements (signed_at);
        CREATE INDEX alerts_public ON alerts (launched_at DESC, id DESC)
            WHERE launched_at IS NOT NULL AND status = 'Actual';
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
