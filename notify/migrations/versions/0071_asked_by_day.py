"""A question is sent by day, and only while it is the one that the number is being asked; residents are asked once a
year whether they still live there.

Revision ID: 0071
"""

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE direct_messages ADD COLUMN any_hour boolean NOT NULL DEFAULT false;
        ALTER TABLE conversations ADD COLUMN message_id bigint REFERENCES direct_messages ON DELETE SET NULL;
        CREATE INDEX conversations_message ON conversations (message_id) WHERE message_id IS NOT NULL;

        CREATE TABLE address_checks (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            subscriber_id bigint NOT NULL REFERENCES subscribers,
            contact_id bigint NOT NULL REFERENCES contacts,
            asked_at timestamptz NOT NULL,
            answer text CHECK (answer IN ('same', 'moved')),
            answered_at timestamptz,
            CHECK ((answer IS NULL) = (answered_at IS NULL))
        );
        CREATE INDEX address_checks_of_resident ON address_checks (subscriber_id, asked_at);
        CREATE INDEX address_checks_open ON address_checks (asked_at) WHERE answered_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
