"""Where addresses are: points of houses, landmarks, and which import a street came with.

Revision ID: 0014
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE address_points (
            id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            source    text NOT NULL,
            number    integer NOT NULL,
            number_to integer,
            suffix    text NOT NULL DEFAULT '',
            street    text NOT NULL,
            unit      text NOT NULL DEFAULT '',
            city      text NOT NULL DEFAULT '',
            zip       text NOT NULL DEFAULT '',
            lon       double precision NOT NULL,
            lat       double precision NOT NULL
        );
        CREATE INDEX address_points_on_street ON address_points (street, number);
        CREATE INDEX address_points_of_several ON address_points (street, number) WHERE number_to IS NOT NULL;

        CREATE TABLE landmarks (
            id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            source text NOT NULL,
            name   text NOT NULL,
            lon    double precision NOT NULL,
            lat    double precision NOT NULL
        );

        ALTER TABLE streets ADD COLUMN source text NOT NULL DEFAULT '';
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
