"""The city's streets, for the map, for addresses and for snow; and what else the map is drawn of.

Revision ID: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE streets (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            external_id text,
            name        text NOT NULL,
            left_from   integer,
            left_to     integer,
            right_from  integer,
            right_to    integer,
            left_zip    text NOT NULL DEFAULT '',
            right_zip   text NOT NULL DEFAULT '',
            rank        smallint NOT NULL DEFAULT 3 CHECK (rank BETWEEN 1 AND 4),
            geometry    bytea NOT NULL,
            west        double precision NOT NULL,
            south       double precision NOT NULL,
            east        double precision NOT NULL,
            north       double precision NOT NULL
        );
        CREATE INDEX streets_external_id ON streets (external_id);
        CREATE INDEX streets_name ON streets (upper(name));
        CREATE INDEX streets_box ON streets (west, south, east, north);

        CREATE TABLE map_features (
            id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            layer    text NOT NULL CHECK (layer IN ('water', 'park', 'boundary', 'building')),
            name     text NOT NULL DEFAULT '',
            geometry bytea NOT NULL,
            west     double precision NOT NULL,
            south    double precision NOT NULL,
            east     double precision NOT NULL,
            north    double precision NOT NULL
        );
        CREATE INDEX map_features_box ON map_features (layer, west, south, east, north);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
