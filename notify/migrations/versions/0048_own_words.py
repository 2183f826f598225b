"""The city's own words for messages, and which of an alert's words were older than their original.

Revision ID: 0048
"""

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE word_versions (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event       text NOT NULL,
            phase       text NOT NULL,
            channel     text NOT NULL,
            language    text NOT NULL,
            version     bigint NOT NULL CHECK (version > 0),
            words       jsonb,  -- NULL: the built-in words
            original    text NOT NULL,
            made_from   bigint NOT NULL CHECK (made_from >= 0),
            note        text NOT NULL,
            operator_id bigint REFERENCES operators,
            at          timestamptz NOT NULL,
            UNIQUE (event, phase, channel, language, version)
        );
        ALTER TABLE contents ADD stale boolean NOT NULL DEFAULT false;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
