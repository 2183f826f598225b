"""A message that a resident got is sent again to another phone or email of theirs, on request by telephone.

Revision ID: 0089
Revises: 0088
"""

from alembic import op

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Other kinds that are there already stay allowed, whichever they are.
    op.execute("""
        DO $$
        DECLARE said text; named text; beside text;
        BEGIN
            FOR named, beside IN VALUES ('direct_messages_kind_check', 'self-test'),
                    ('direct_messages_questions_check', 'self-test'), ('operator_messages_alert_check', 'test') LOOP
                said := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
                          WHERE conrelid = 'direct_messages'::regclass AND conname = named);
                EXECUTE format('ALTER TABLE direct_messages DROP CONSTRAINT %I', named);
                EXECUTE format('ALTER TABLE direct_messages ADD CONSTRAINT %I ', named)
                        || replace(said, format('%L::text', beside), format('%L::text, ''resend''::text', beside));
            END LOOP;
        END $$;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
