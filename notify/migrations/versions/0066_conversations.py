"""Conversations with residents by text message: what was asked last, and how they answer. Questions are sent as direct
messages to one contact.

Revision ID: 0066
"""

from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE conversations (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            channel text NOT NULL CHECK (channel <> ''),
            address_index bytea NOT NULL,
            asked text NOT NULL DEFAULT '',
            kept_sealed bytea,
            language text NOT NULL DEFAULT '',
            changed_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            UNIQUE (channel, address_index)
        );
        CREATE INDEX conversations_end ON conversations (ends_at);

        ALTER TABLE inbound
            DROP CONSTRAINT inbound_meaning_check,
            ADD CONSTRAINT inbound_meaning_check
                CHECK (meaning IN ('stop', 'start', 'help', 'distress', 'doubt', 'other', 'command')) NOT VALID;
        ALTER TABLE inbound VALIDATE CONSTRAINT inbound_meaning_check;

        ALTER TABLE direct_messages
            ADD COLUMN contact_id bigint REFERENCES contacts,
            DROP CONSTRAINT direct_messages_to_one_person,
            ADD CONSTRAINT direct_messages_to_one_person CHECK (num_nonnulls(operator_id, joining_id, contact_id) = 1),
            DROP CONSTRAINT direct_messages_kind_check,
            ADD CONSTRAINT direct_messages_kind_check CHECK (kind IN (
                'ask', 'break-glass', 'channel-silent', 'expiry', 'overtaken', 'test',
                'code', 'invitation', 'reset', 'app', 'passkey', 'password', 'recovery-code', 'new-device',
                'join-code', 'join-ask', 'welcome', 'question')),
            ADD CONSTRAINT direct_messages_questions_check CHECK ((contact_id IS NOT NULL) = (kind = 'question'));
        CREATE INDEX direct_messages_of_contact ON direct_messages (contact_id, id) WHERE contact_id IS NOT NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
