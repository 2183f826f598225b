"""The warnings about an alert's words that operators have acknowledged.

Revision ID: 0040
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE lint_acknowledgements (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            alert_id bigint NOT NULL REFERENCES alerts,
            fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
            rule text NOT NULL CHECK (rule <> ''),
            channel text NOT NULL,
            language text NOT NULL,
            operator_id bigint NOT NULL REFERENCES operators,
            at timestamptz NOT NULL,
            UNIQUE (alert_id, fingerprint)
        );
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
