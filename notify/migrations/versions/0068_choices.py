"""What residents choose: their quiet hours, time zone, messages a day, digest, and a lowest severity for a contact.
Messages that are held back for it wait in batches of their own.

A resident without a choice has no row, and a contact without one has NULL: the city's default applies.

Revision ID: 0068
"""

from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not used in this transaction, which may be that of an older schema: PostgreSQL refuses that.
    op.execute("ALTER TYPE delivery_state ADD VALUE 'held' AFTER 'queued'")
    op.execute("ALTER TYPE batch_state ADD VALUE 'held' AFTER 'waiting'")
    op.execute("ALTER TABLE batches ADD COLUMN held_until timestamptz")
    op.execute("""
        ALTER TABLE contacts ADD COLUMN lowest_severity smallint CHECK (lowest_severity BETWEEN 1 AND 4)
    """)
    op.execute("""
        CREATE TABLE choices (
            subscriber_id bigint PRIMARY KEY REFERENCES subscribers,
            quiet_from    time,                -- NULL: the city's quiet hours; both alike: none
            quiet_to      time,
            timezone      text,                -- NULL: the city's
            most_a_day    smallint CHECK (most_a_day BETWEEN 1 AND 20),
            digest        text CHECK (digest IN ('daily', 'weekly')),
            CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
        )
    """)
    # `core/quiet_time.py` does the same for the city's hours; a test compares them.
    op.execute("""
        CREATE FUNCTION quiet_until(now timestamptz, quiet_from time, quiet_to time, zone text) RETURNS timestamptz
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN CASE WHEN quiet_from < quiet_to
                                  THEN (now AT TIME ZONE zone)::time >= quiet_from
                                       AND (now AT TIME ZONE zone)::time < quiet_to
                                  WHEN quiet_from > quiet_to
                                  THEN (now AT TIME ZONE zone)::time >= quiet_from
                                       OR (now AT TIME ZONE zone)::time < quiet_to
                                  ELSE false END
                        THEN ((now AT TIME ZONE zone)::date + ((now AT TIME ZONE zone)::time >= quiet_to)::int
                              + quiet_to) AT TIME ZONE zone END
        $$
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
