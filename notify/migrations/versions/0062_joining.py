"""Residents join by themselves: who asked, the code that is sent to them, and the words that they agreed to.

Revision ID: 0062
"""

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE joinings (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            token_hash bytea NOT NULL UNIQUE,
            channel text NOT NULL CHECK (channel <> ''),
            address_sealed bytea NOT NULL,
            wish_sealed bytea,
            language text NOT NULL,
            words text NOT NULL,
            made_at timestamptz NOT NULL,
            code_hash bytea,
            code_ends_at timestamptz NOT NULL,
            code_tries integer NOT NULL DEFAULT 0,
            contact_id bigint REFERENCES contacts,
            ended_at timestamptz,
            CHECK ((ended_at IS NULL) = (contact_id IS NULL))
        );
        CREATE INDEX joinings_made ON joinings (made_at);

        ALTER TABLE operator_messages RENAME TO direct_messages;
        ALTER INDEX operator_messages_open RENAME TO direct_messages_open;
        ALTER INDEX operator_messages_of_sender RENAME TO direct_messages_of_sender;
        ALTER INDEX operator_messages_invitations RENAME TO direct_messages_invitations;
        ALTER INDEX operator_messages_codes RENAME TO direct_messages_codes;
        ALTER TABLE direct_messages
            ALTER COLUMN operator_id DROP NOT NULL,
            ADD COLUMN joining_id bigint REFERENCES joinings ON DELETE CASCADE,
            ADD CONSTRAINT direct_messages_to_one_person CHECK (num_nonnulls(operator_id, joining_id) = 1),
            DROP CONSTRAINT operator_messages_kind_check,
            ADD CONSTRAINT direct_messages_kind_check CHECK (kind IN (
                'ask', 'break-glass', 'channel-silent', 'expiry', 'overtaken', 'test',
                'code', 'invitation', 'reset', 'app', 'passkey', 'password', 'recovery-code', 'new-device',
                'join-code', 'welcome')),
            ADD CONSTRAINT direct_messages_residents_check CHECK (
                (joining_id IS NOT NULL) = (kind IN ('join-code', 'welcome')));
        CREATE INDEX direct_messages_of_joining ON direct_messages (joining_id) WHERE joining_id IS NOT NULL;

        ALTER TABLE consents ADD COLUMN words text NOT NULL DEFAULT '';
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
