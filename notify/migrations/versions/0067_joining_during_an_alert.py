"""Who joins during an alert gets it; addresses that the city's file lacks; a link beside a code; more contacts.

Revision ID: 0067
"""

from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE arrivals (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            subscriber_id bigint NOT NULL REFERENCES subscribers,
            at timestamptz NOT NULL,
            due_at timestamptz NOT NULL
        );
        CREATE INDEX arrivals_due ON arrivals (due_at);
        ALTER TABLE alerts ADD COLUMN joined_later integer NOT NULL DEFAULT 0;

        CREATE TABLE place_checks (
            place_id bigint PRIMARY KEY REFERENCES places ON DELETE CASCADE,
            given_by text NOT NULL CHECK (given_by IN ('map', 'street', 'zip', 'zone')),
            made_at timestamptz NOT NULL,
            decision text CHECK (decision IN ('moved', 'kept', 'refused')),
            decided_at timestamptz,
            decided_by bigint REFERENCES operators,
            CHECK (num_nulls(decision, decided_at, decided_by) IN (0, 3))
        );
        CREATE INDEX place_checks_open ON place_checks (made_at) WHERE decision IS NULL;

        ALTER TABLE joinings
            ADD COLUMN link_hash bytea,
            ADD COLUMN adds_to bigint REFERENCES subscribers;
        CREATE UNIQUE INDEX joinings_link ON joinings (link_hash) WHERE link_hash IS NOT NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
