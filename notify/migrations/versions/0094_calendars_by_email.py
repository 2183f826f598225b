"""The yearly calendar of collection days by email, and words to one person that are kept sealed.

Revision ID: 0094
Revises: 0093
"""

from alembic import op

revision = "0094"
down_revision = "0093"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Other kinds that are there already stay allowed, whichever they are.
    op.execute("""
        DO $$
        DECLARE said text; named text;
        BEGIN
            FOREACH named IN ARRAY ARRAY['direct_messages_kind_check', 'direct_messages_questions_check'] LOOP
                said := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
                          WHERE conrelid = 'direct_messages'::regclass AND conname = named);
                EXECUTE format('ALTER TABLE direct_messages DROP CONSTRAINT %I', named);
                EXECUTE format('ALTER TABLE direct_messages ADD CONSTRAINT %I ', named)
                        || replace(said, '''self-test''::text', '''self-test''::text, ''calendar''::text');
            END LOOP;
        END $$;
    """)
    op.execute("""
        CREATE TABLE sealed_words (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            message_id  bigint NOT NULL UNIQUE REFERENCES direct_messages ON DELETE CASCADE,
            channel     text NOT NULL,
            kept_sealed bytea NOT NULL
        )
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
