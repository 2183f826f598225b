"""Snow emergency routes, and the phases of snow emergencies.

Revision ID: 0088
"""

from alembic import op

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE snow_routes (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            street      text NOT NULL CHECK (street <> ''),
            route_class text NOT NULL,
            source      text NOT NULL,
            geometry    bytea NOT NULL,
            west        double precision NOT NULL,
            south       double precision NOT NULL,
            east        double precision NOT NULL,
            north       double precision NOT NULL
        )
    """)
    op.execute("CREATE INDEX snow_routes_box ON snow_routes (west, south, east, north)")
    op.execute("""
        CREATE TABLE snow_emergencies (
            alert_id  bigint PRIMARY KEY REFERENCES alerts,
            phases    jsonb NOT NULL CHECK (jsonb_typeof(phases) = 'array'),
            tow_phone text NOT NULL DEFAULT '',
            instead   jsonb NOT NULL DEFAULT '{}'
        )
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
