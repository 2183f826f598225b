"""An author may approve an alert that needs two people only by breaking glass.

Revision ID: 0042
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        DO $$ DECLARE rule name; BEGIN  -- the older one, of emergencies alone, has a name that PostgreSQL chose
            FOR rule IN SELECT conname FROM pg_constraint WHERE conrelid = 'alerts'::regclass AND contype = 'c'
                           AND pg_get_constraintdef(oid) LIKE '%approved_by IS DISTINCT FROM created_by%' LOOP
                EXECUTE format('ALTER TABLE alerts DROP CONSTRAINT %I', rule);
            END LOOP;
        END $$;
        CREATE FUNCTION refuse_approval_by_author() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM break_glass
                            WHERE alert_id = NEW.id AND operator_id = NEW.approved_by) THEN
                RAISE EXCEPTION 'alert % violates check constraint "alerts_two_people"', NEW.id
                    USING HINT = 'Its author cannot approve it.',
                          ERRCODE = 'check_violation', CONSTRAINT = 'alerts_two_people';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER alerts_two_people BEFORE INSERT OR UPDATE ON alerts FOR EACH ROW
            WHEN (cardinality(NEW.two_people) > 0 AND NEW.approved_by = NEW.created_by)
            EXECUTE FUNCTION refuse_approval_by_author();
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
