"""What other agencies say, and how their feeds do.

Revision ID: 0059
"""

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE outside_feeds (
            address       text PRIMARY KEY,
            agency        text NOT NULL,
            etag          text NOT NULL DEFAULT '',
            last_modified text NOT NULL DEFAULT '',
            asked_at      timestamptz NOT NULL,
            read_at       timestamptz,
            failures      integer NOT NULL DEFAULT 0,
            error         text NOT NULL DEFAULT '',
            entries       jsonb NOT NULL DEFAULT '{}',
            unreadable    text[] NOT NULL DEFAULT '{}'
        );
        CREATE TABLE outside_warnings (
            id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            feed          text NOT NULL,
            agency        text NOT NULL,
            key           text NOT NULL,
            identifier    text NOT NULL,
            sender        text NOT NULL,
            sent_at       timestamptz NOT NULL,
            kind          text NOT NULL,
            severity      text NOT NULL,
            urgency       text NOT NULL,
            certainty     text NOT NULL,
            ends_at       timestamptz NOT NULL,
            end_given     boolean NOT NULL,
            place         text NOT NULL,
            area          bytea,
            words         jsonb NOT NULL,
            refers        text[] NOT NULL DEFAULT '{}',
            first_seen_at timestamptz NOT NULL,
            missed        integer NOT NULL DEFAULT 0,
            ended_at      timestamptz,
            UNIQUE (feed, key)
        );
        CREATE INDEX outside_warnings_in_force ON outside_warnings (ends_at) WHERE ended_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
