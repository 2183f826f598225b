"""Staff enter residents, who answer for themselves; zones have a population; no label of a place is an address.

An entry waits as a joining until its answer, which is found by the keyed index of the address. A contact that came
without a consent is asked once, ever. A label that may be an address was stored in clear, most by imports from files
that repeat the address there; it becomes the default.

Revision ID: 0065
"""

from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE joinings
            ADD COLUMN address_index bytea,
            ADD COLUMN entered_how text CHECK (entered_how IN ('call', 'paper', 'event', 'import')),
            ADD COLUMN entered_by bigint REFERENCES operators;
        CREATE INDEX joinings_to_answer ON joinings (channel, address_index) WHERE address_index IS NOT NULL;
        ALTER TABLE contacts ADD COLUMN asked_at timestamptz;

        ALTER TABLE direct_messages
            DROP CONSTRAINT direct_messages_kind_check,
            ADD CONSTRAINT direct_messages_kind_check CHECK (kind IN (
                'ask', 'break-glass', 'channel-silent', 'expiry', 'overtaken', 'test',
                'code', 'invitation', 'reset', 'app', 'passkey', 'password', 'recovery-code', 'new-device',
                'join-code', 'join-ask', 'welcome')),
            DROP CONSTRAINT direct_messages_residents_check,
            ADD CONSTRAINT direct_messages_residents_check CHECK (
                (joining_id IS NOT NULL) = (kind IN ('join-code', 'join-ask', 'welcome')));

        CREATE TABLE zone_populations (
            kind text NOT NULL,
            name text NOT NULL,
            population integer NOT NULL CHECK (population >= 0),
            at timestamptz NOT NULL,
            PRIMARY KEY (kind, name)
        );

        UPDATE places SET label = 'home'  -- as in notify/subscribers/labels.py
         WHERE label ~ '@' OR label ~ '^\\d+\\s+\\S' OR label ~ '(\\d\\D*){7}'
            OR (label ~ '\\S[\\s,]+\\S' AND label ~* '(^|[\\s,])\\d{2,}[a-z]?([\\s,]|$)');
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
