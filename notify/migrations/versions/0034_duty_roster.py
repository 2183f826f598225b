"""The duty roster, operators' own contacts, what is written to operators, and launches by one person.

Revision ID: 0034
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE duties (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            operator_id bigint NOT NULL REFERENCES operators,
            deputy_id bigint NOT NULL REFERENCES operators,
            starts_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            note text NOT NULL DEFAULT '',
            made_by bigint REFERENCES operators,
            made_at timestamptz NOT NULL,
            CHECK (deputy_id <> operator_id),
            CHECK (starts_at <= ends_at),
            CONSTRAINT duties_one_at_a_time EXCLUDE USING gist (tstzrange(starts_at, ends_at) WITH &&)
        );
        CREATE TABLE operator_contacts (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            operator_id bigint NOT NULL REFERENCES operators,
            channel text NOT NULL CHECK (channel <> ''),
            address_sealed bytea NOT NULL,
            verified_at timestamptz,
            created_at timestamptz NOT NULL,
            UNIQUE (operator_id, channel)
        );
        CREATE TABLE operator_messages (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('ask', 'break-glass')),
            alert_id bigint NOT NULL REFERENCES alerts,
            operator_id bigint NOT NULL REFERENCES operators,
            step integer NOT NULL CHECK (step > 0),
            channel text NOT NULL CHECK (channel <> ''),
            subject text NOT NULL,
            text text NOT NULL,
            state text NOT NULL CHECK (state IN ('waiting', 'claimed', 'accepted', 'failed', 'unknown')),
            reason text NOT NULL DEFAULT '',
            sender_id bigint REFERENCES senders,
            reference text NOT NULL DEFAULT '',
            made_at timestamptz NOT NULL,
            claimed_at timestamptz,
            settled_at timestamptz,
            UNIQUE (alert_id, kind, operator_id, step, channel)
        );
        CREATE INDEX operator_messages_open ON operator_messages (id) WHERE state IN ('waiting', 'claimed');
        CREATE TABLE break_glass (
            alert_id bigint PRIMARY KEY REFERENCES alerts,
            operator_id bigint NOT NULL REFERENCES operators,
            reason text NOT NULL CHECK (length(reason) >= 10),
            at timestamptz NOT NULL,
            reviewed_by bigint REFERENCES operators,
            review text,
            reviewed_at timestamptz,
            CHECK (reviewed_by <> operator_id),
            CHECK (num_nonnulls(reviewed_by, review, reviewed_at) IN (0, 3))
        );
        CREATE INDEX break_glass_open ON break_glass (at) WHERE reviewed_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
