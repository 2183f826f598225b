"""Collection dates that no rhythm gives; the order of rules; what was published cannot be changed at all; which edition
each household has fetched.

Revision ID: 0091
"""

from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE collection_schedules ADD listed date[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE collection_schedules DROP CONSTRAINT collection_schedules_weekdays_check")
    op.execute("""
        ALTER TABLE collection_schedules
            ADD CHECK (weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[] AND cardinality(weekdays) <= 7),
            ADD CHECK (cardinality(weekdays) > 0 OR cardinality(listed) > 0)
    """)
    op.execute("ALTER TABLE collection_rules ADD place double precision")
    op.execute("UPDATE collection_rules SET place = id")
    op.execute("ALTER TABLE collection_rules ALTER place SET NOT NULL")
    op.execute("""
        CREATE OR REPLACE FUNCTION published_stays() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                life text[] := ARRAY['from_edition', 'until_edition', 'leaving'];
            BEGIN
                IF OLD.from_edition IS NOT NULL AND (TG_OP = 'DELETE'
                   OR NEW.from_edition IS DISTINCT FROM OLD.from_edition
                   OR OLD.until_edition IS NOT NULL AND NEW.until_edition IS DISTINCT FROM OLD.until_edition
                   OR to_jsonb(NEW) - life <> to_jsonb(OLD) - life) THEN
                    RAISE EXCEPTION 'what was published stays: row % of %', OLD.id, TG_TABLE_NAME;
                END IF;
                IF TG_OP = 'DELETE' THEN
                    RETURN OLD;
                END IF;
                RETURN NEW;
            END
        $$
    """)
    # The zone, and not the house: to count who has not fetched a correction. None once it is revoked.
    op.execute("""
        ALTER TABLE collection_feeds
            ADD fetched_edition integer REFERENCES collection_editions,
            ADD zone_id bigint REFERENCES zones
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
