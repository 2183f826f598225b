"""Limits of an operator besides the size of an audience: topics, zones and hours of the day.

Revision ID: 0039
"""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE operator_limits (
            operator_id bigint PRIMARY KEY REFERENCES operators,
            topics text[] CHECK (cardinality(topics) > 0),
            zones bigint[] CHECK (cardinality(zones) > 0),
            from_time time,
            until_time time,
            CHECK ((from_time IS NULL) = (until_time IS NULL) AND from_time <> until_time)
        );
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
