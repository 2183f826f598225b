"""Notices of changed collection days, and what became of the tickets about wrong ones."""

from alembic import op

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE collection_notices (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind        text NOT NULL CHECK (kind IN ('holiday', 'storm')),
            subject     text NOT NULL,
            day         date NOT NULL CHECK (isfinite(day)),
            last_day    date NOT NULL CHECK (isfinite(last_day)),
            edition     integer NOT NULL REFERENCES collection_editions,
            alert_id    bigint NOT NULL UNIQUE REFERENCES alerts,
            incident_id bigint NOT NULL REFERENCES incidents,
            parts       jsonb NOT NULL,
            made_at     timestamptz NOT NULL,
            made_by     bigint NOT NULL REFERENCES operators
        )
    """)
    op.execute("CREATE INDEX notices_of_incident ON collection_notices (incident_id)")
    op.execute("CREATE INDEX notices_by_day ON collection_notices (last_day)")
    op.execute("""
        ALTER TABLE collection_tickets
            ADD COLUMN taken_at timestamptz,
            ADD COLUMN taken_by bigint REFERENCES operators,
            ADD COLUMN mended_in integer REFERENCES collection_editions,
            ADD CHECK ((taken_at IS NULL) = (taken_by IS NULL)),
            ADD CHECK (mended_in IS NULL OR closed_at IS NOT NULL)
    """)
    op.execute("CREATE INDEX tickets_closed ON collection_tickets (closed_at) WHERE closed_at IS NOT NULL")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
