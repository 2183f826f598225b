"""A ledger of what was suppressed and lifted for each address, by its keyed index: it outlives an erasure.

Also a test message that residents send to themselves.

Revision ID: 0070
"""

from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE address_ledger (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            channel text NOT NULL CHECK (channel <> ''),
            address_index bytea NOT NULL,
            contact_id bigint REFERENCES contacts,
            at timestamptz NOT NULL,
            act text NOT NULL CHECK (act IN ('suppressed', 'lifted', 'erased')),
            topic topic,
            reason text NOT NULL,
            how text NOT NULL,
            evidence text NOT NULL DEFAULT ''
        );
        CREATE INDEX address_ledger_of_address ON address_ledger (channel, address_index, at);
        CREATE INDEX address_ledger_of_contact ON address_ledger (contact_id) WHERE contact_id IS NOT NULL;

        INSERT INTO address_ledger (channel, address_index, contact_id, at, act, topic, reason, how)
        SELECT x.channel, x.address_index, c.id, x.at, 'suppressed', x.topic, x.reason,
               coalesce((SELECT o.how FROM consents o
                          WHERE o.contact_id = c.id AND o.kind = 'opt-out' AND o.at = x.at
                            AND o.topic IS NOT DISTINCT FROM x.topic LIMIT 1), 'before this ledger was kept')
          FROM suppressions x LEFT JOIN contacts c USING (channel, address_index) ORDER BY x.at, x.id;
    """)
    # Other kinds that are there already stay allowed, whichever they are.
    op.execute("""
        DO $$
        DECLARE said text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
                               WHERE conrelid = 'direct_messages'::regclass AND conname = 'direct_messages_kind_check');
        BEGIN
            ALTER TABLE direct_messages DROP CONSTRAINT direct_messages_kind_check;
            EXECUTE 'ALTER TABLE direct_messages ADD CONSTRAINT direct_messages_kind_check '
                    || replace(said, '''welcome''::text', '''welcome''::text, ''self-test''::text');
        END $$;
        ALTER TABLE direct_messages
            DROP CONSTRAINT direct_messages_questions_check,
            ADD CONSTRAINT direct_messages_questions_check CHECK (
                (contact_id IS NOT NULL) = (kind IN ('question', 'self-test')));
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
