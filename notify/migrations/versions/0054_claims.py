"""Who takes which zones of an incident.

Revision ID: 0054
"""

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE incident_claims (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            incident_id bigint NOT NULL REFERENCES incidents,
            zone_id     bigint NOT NULL REFERENCES zones,
            operator_id bigint NOT NULL REFERENCES operators,
            at          timestamptz NOT NULL,
            released_at timestamptz CHECK (released_at >= at)
        );
        CREATE UNIQUE INDEX incident_claims_open ON incident_claims (incident_id, zone_id) WHERE released_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
