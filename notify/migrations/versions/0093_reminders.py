"""Residents may be reminded the evening before a collection: what each wishes, and what each was told.

Revision ID: 0093
Revises: 0092
"""

from alembic import op

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        DO $$
        DECLARE said text; named text;
        BEGIN
            FOREACH named IN ARRAY ARRAY['direct_messages_kind_check', 'direct_messages_questions_check'] LOOP
                said := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
                          WHERE conrelid = 'direct_messages'::regclass AND conname = named);
                EXECUTE format('ALTER TABLE direct_messages DROP CONSTRAINT %I', named);
                EXECUTE format('ALTER TABLE direct_messages ADD CONSTRAINT %I ', named)
                        || replace(said, '''self-test''::text', '''self-test''::text, ''reminder''::text');
            END LOOP;
        END $$;
    """)
    op.execute("""
        CREATE TABLE reminder_wishes (
            subscriber_id bigint PRIMARY KEY REFERENCES subscribers,
            hour          smallint NOT NULL CHECK (hour BETWEEN 12 AND 23),
            channel       text NOT NULL,
            since         timestamptz NOT NULL,
            seen_day      date NOT NULL CHECK (isfinite(seen_day)),
            seen_edition  integer NOT NULL
        )
    """)
    # An hour comes, or an edition: both are looked for by index, of a million wishes.
    op.execute("CREATE INDEX wishes_by_hour ON reminder_wishes (hour, seen_day)")
    op.execute("CREATE INDEX wishes_by_edition ON reminder_wishes (seen_edition)")
    op.execute("""
        CREATE TABLE reminders (
            id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            subscriber_id bigint NOT NULL REFERENCES subscribers,
            kind          text NOT NULL CHECK (kind IN ('evening', 'correction', 'change')),
            day           date NOT NULL CHECK (isfinite(day)),
            edition       integer NOT NULL REFERENCES collection_editions,
            true_in       integer NOT NULL CHECK (true_in >= edition),
            said          jsonb NOT NULL,
            places        bigint[] NOT NULL,
            message_id    bigint REFERENCES direct_messages ON DELETE SET NULL,
            made_at       timestamptz NOT NULL,
            until         timestamptz NOT NULL
        )
    """)
    # Whatever is killed or runs twice, and when: nobody gets two.
    op.execute("CREATE UNIQUE INDEX reminders_once ON reminders (subscriber_id, day) WHERE kind = 'evening'")
    op.execute("CREATE UNIQUE INDEX changes_once ON reminders (subscriber_id, edition) WHERE kind <> 'evening'")
    op.execute("CREATE INDEX reminders_message ON reminders (message_id) WHERE message_id IS NOT NULL")
    op.execute("CREATE INDEX reminders_made ON reminders (made_at)")
    op.execute("CREATE INDEX reminders_by_day ON reminders (day, true_in)")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
