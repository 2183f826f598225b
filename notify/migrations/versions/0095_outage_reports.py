"""Residents tell that service is still out at their place: one row a resident and outage.

Revision ID: 0095
Revises: 0094
"""

from alembic import op

revision = "0095"
down_revision = "0094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE outage_reports (
            outage_id     bigint NOT NULL REFERENCES outages,
            subscriber_id bigint NOT NULL REFERENCES subscribers,
            at            timestamptz NOT NULL,
            last_at       timestamptz NOT NULL CHECK (last_at >= at),
            zone_id       bigint REFERENCES zones,
            cell_x        integer NOT NULL,
            cell_y        integer NOT NULL,
            PRIMARY KEY (outage_id, subscriber_id)
        )
    """)
    op.execute("CREATE INDEX outage_reports_of ON outage_reports (subscriber_id)")
    op.execute("CREATE INDEX outage_reports_last ON outage_reports (last_at)")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
